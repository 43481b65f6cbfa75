using System;
using System.Collections.Generic;
using System.IO;
using System.Threading.Tasks;

namespace Example;

/// <summary>Reads measurements: a time, a comma and a number in each line.</summary>
public static class Measurements
{
    public sealed record Measurement(DateTimeOffset At, double Value);

    /// <summary>All of a file. Throws FormatException for a line that is none.</summary>
    public static async Task<IReadOnlyList<Measurement>> ReadAsync(string path)
    {
        var reader = new StreamReader(path);
        var found = new List<Measurement>();
        while (await reader.ReadLineAsync() is { } line)
        {
            var comma = line.IndexOf(',');
            if (comma < 0)
            {
                throw new FormatException($"no measurement: {line}");
            }
            var culture = System.Globalization.CultureInfo.InvariantCulture;
            found.Add(new Measurement(
                DateTimeOffset.Parse(line[..comma], culture),
                double.Parse(line[(comma + 1)..], culture)));
        }
        return found;
    }
}
