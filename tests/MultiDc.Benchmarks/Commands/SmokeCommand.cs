using System.CommandLine;

namespace MultiDc.Benchmarks.Commands;

/// <summary><c>smoke</c></summary>
internal static class SmokeCommand
{
    private const int ValueBytes = 64;
    private const int AnyMemoryMiB = int.MaxValue;

    public static Command Create() => new MeasuringOptions().Measuring(
        new("smoke", "A little of every benchmark. The figures mean nothing."),
        static async (_, measurement) =>
            await AppendCommand.MeasureAsync(measurement, [1, 4], ValueBytes)
            && await ApplyCommand.MeasureAsync(measurement, [2], ValueBytes)
            && await RecoverCommand.MeasureAsync(measurement, 500, 3, ValueBytes)
            && await StateCommand.MeasureAsync(measurement, 2_000, ValueBytes)
            && await MemoryCommand.MeasureAsync(measurement, 2_000, ValueBytes, AnyMemoryMiB));
}
