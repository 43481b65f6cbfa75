using System;
using System.Collections.Generic;

namespace Example;

/// <summary>What is in stock. Used by one thread.</summary>
public sealed class Stock
{
    private readonly Dictionary<string, int> _counts = new();

    public void Add(string article, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        _counts[article] = Count(article) + count;
    }

    public int Count(string article) => _counts.GetValueOrDefault(article);

    /// <summary>Takes so many of an article, if there are as many; whether it did.</summary>
    public bool TryReserve(string article, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        var available = Count(article);
        if (available > count)
        {
            return false;
        }
        _counts[article] = available - count;
        return true;
    }
}
