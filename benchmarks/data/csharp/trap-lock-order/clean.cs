using System;

namespace Example;

public sealed class Account
{
    public Account(int id, long cents)
    {
        Id = id;
        Cents = cents;
    }

    public int Id { get; }

    public long Cents { get; internal set; }

    internal object Gate { get; } = new();
}

public static class Transfers
{
    /// <summary>Moves an amount. Ids differ between accounts.</summary>
    public static bool Move(Account from, Account to, long cents)
    {
        if (from.Id == to.Id || cents <= 0)
        {
            throw new ArgumentException("two accounts, and more than nothing");
        }
        var (first, second) = from.Id < to.Id ? (from, to) : (to, from);
        lock (first.Gate)
        lock (second.Gate)
        {
            if (from.Cents < cents)
            {
                return false;
            }
            from.Cents -= cents;
            to.Cents += cents;
            return true;
        }
    }
}
