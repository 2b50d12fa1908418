using System.Globalization;
using System.Runtime.CompilerServices;

namespace MultiDc.Simulation.Tests;

/// <summary>Reads <c>tests/MultiDc.Simulation/FailingSeeds.txt</c>: a seed a line, what it found behind a <c>#</c>.</summary>
internal static class FailingSeeds
{
    public static ulong[] Read([CallerFilePath] string here = "") =>
    [
        .. File.ReadLines(Path.Combine(Path.GetDirectoryName(here)!, "..", "MultiDc.Simulation", "FailingSeeds.txt"))
            .Select(static line => line.Split('#')[0].Trim())
            .Where(static seed => seed.Length > 0)
            .Select(static seed => ulong.Parse(seed, CultureInfo.InvariantCulture)),
    ];
}
