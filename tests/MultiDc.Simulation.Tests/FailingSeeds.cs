using System.Globalization;

namespace MultiDc.Simulation.Tests;

/// <summary>Reads <c>tests/MultiDc.Simulation/FailingSeeds.txt</c>: a seed a line, what it found behind a <c>#</c>.</summary>
internal static class FailingSeeds
{
    // The build copies the file beside the program: a compiler that maps source paths, as CI's does, cannot say where the sources are.
    public static ulong[] Read() =>
    [
        .. File.ReadLines(Path.Combine(AppContext.BaseDirectory, "FailingSeeds.txt"))
            .Select(static line => line.Split('#')[0].Trim())
            .Where(static seed => seed.Length > 0)
            .Select(static seed => ulong.Parse(seed, CultureInfo.InvariantCulture)),
    ];
}
