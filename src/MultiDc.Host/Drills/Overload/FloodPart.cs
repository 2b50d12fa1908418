using System.Globalization;
using System.Text.Json;
using MultiDc.Client;
using MultiDc.Host.Bench;
using MultiDc.Raft;

namespace MultiDc.Host.Drills.Overload;

/// <summary>
/// Writes and linearizable reads, as many as it is told: in a closed loop, which finds out what the system can do, or in an open one, which does not care. What each came
/// to is counted by the second in which it was to begin.
/// </summary>
internal sealed class FloodPart(DrillSurroundings surroundings) : IDrillPart
{
    public const string Name = "flood";

    /// <summary>The patience of one operation.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    private const string Keyspace = "default";
    private const int Keys = 10_000;
    private const int ValueBytes = 256;
    private static readonly TimeSpan PacerStep = TimeSpan.FromMilliseconds(1);

    private static readonly TimeSpan GreatestLateness = TimeSpan.FromMilliseconds(500);

    // Beyond an operation's own time-out, before it counts as never answered.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(3);

    private readonly TimeProvider time = TimeProvider.System;
    private readonly BenchData data = new(Keys, ValueBytes, (ulong)surroundings.StartedAt);

    public async Task<string?> ObeyAsync(string[] order, CancellationToken stop)
    {
        switch (order)
        {
            case ["closed", var file, var workers, var seconds]:
                await RunAsync(file, int.Parse(seconds, CultureInfo.InvariantCulture), counts => CloseAsync(int.Parse(workers, CultureInfo.InvariantCulture), counts, stop));
                return "";
            case ["open", var file, .. var stages]:
                var plan = stages.Select(FloodStage.Parse).ToArray();
                await RunAsync(file, plan.Sum(static stage => stage.Seconds), counts => FloodAsync(plan, counts, stop));
                return "";
            default:
                return null;
        }
    }

    public ValueTask DisposeAsync() => default;

    private async Task RunAsync(string file, int seconds, Func<LoadSeconds, Task> run)
    {
        var counts = new LoadSeconds(time, seconds);
        await run(counts);
        await File.WriteAllLinesAsync(file, counts.Take().Select(static second => JsonSerializer.Serialize(second)));
    }

    private Task CloseAsync(int workers, LoadSeconds counts, CancellationToken stop) => Task.WhenAll(Enumerable.Range(0, workers).Select(worker => Task.Run(
        async () =>
        {
            var random = new SeededRandomSource((ulong)worker);
            while (time.GetTimestamp() is var beganAt && counts.IsWithin(beganAt))
            {
                await OneAsync(counts, beganAt, random.Next(0, Keys), random.Next(0, 2) == 0, stop);
                await Task.Yield();
            }
        },
        stop)));

    private async Task FloodAsync(FloodStage[] plan, LoadSeconds counts, CancellationToken stop)
    {
        var random = new SeededRandomSource((ulong)surroundings.StartedAt);
        var from = counts.Origin;
        foreach (var stage in plan)
        {
            var to = from + (stage.Seconds * time.TimestampFrequency);
            var loop = new OpenLoop(time, from, stage.Rate);
            for (var meantAt = loop.Take(); meantAt < to; meantAt = loop.Take())
            {
                while (time.GetTimestamp() < meantAt)
                {
                    await Task.Delay(PacerStep, time, stop);
                }

                // Late by a little, it begins at once and is measured from when it was meant. What this process is too slow for must not pile up and fall
                // upon the next stage: it is left out, and missing in the count of those that began.
                if (time.GetElapsedTime(meantAt) < GreatestLateness)
                {
                    _ = OneAsync(counts, meantAt, random.Next(0, Keys), random.Next(0, 2) == 0, stop);
                }
            }

            from = to;
        }

        // What has no answer by then never gets one; that is counted, too.
        for (var waitingSince = time.GetTimestamp(); counts.UnderWay > 0 && time.GetElapsedTime(waitingSince) < Timeout + Grace;)
        {
            await Task.Delay(PacerStep, time, stop);
        }
    }

    private async Task OneAsync(LoadSeconds counts, long meantAt, int key, bool isWrite, CancellationToken stop)
    {
        counts.Begin(meantAt);
        string? failure;
        try
        {
            failure = isWrite
                ? DescribeFailure(await surroundings.Client.PutAsync(Keyspace, KeyOf(key), data.Value(new SeededRandomSource((ulong)key)), Timeout, stop))
                : DescribeFailure(await surroundings.Client.GetAsync(Keyspace, KeyOf(key), Timeout, stop));
        }
        catch (Exception exception) when (!stop.IsCancellationRequested)
        {
            failure = $"{OverloadReport.Untyped}: {exception.GetType().Name}";
        }

        counts.End(meantAt, failure);
    }

    private ReadOnlyMemory<byte> KeyOf(int key) => System.Text.Encoding.UTF8.GetBytes($"{surroundings.Prefix}/{key}");

    private static string? DescribeFailure(WriteResult result) => result switch
    {
        Applied => null,
        Rejected rejected => Describe("write", rejected.Reason, rejected.RetryAfter),
        _ => "write unknown",
    };

    private static string? DescribeFailure(ReadResult result) => result is ReadRejected rejected ? Describe("read", rejected.Reason, rejected.RetryAfter) : null;

    private static string Describe(string what, RejectionReason reason, TimeSpan? retryAfter) =>
        $"{what} rejected: {JsonNamingPolicy.KebabCaseLower.ConvertName(reason.ToString())}{(reason == RejectionReason.Overloaded && retryAfter is null ? $", {OverloadReport.WithoutHint}" : "")}";
}

/// <summary>So many operations a second, for so many seconds.</summary>
internal sealed record FloodStage(double Rate, int Seconds)
{
    /// <summary>As one word of an order.</summary>
    public string ToWord() => string.Create(CultureInfo.InvariantCulture, $"{Rate:0.##}:{Seconds}");

    public static FloodStage Parse(string word) => word.Split(':') is [var rate, var seconds]
        ? new(double.Parse(rate, CultureInfo.InvariantCulture), int.Parse(seconds, CultureInfo.InvariantCulture))
        : throw new FormatException($"'{word}' is no stage");
}
