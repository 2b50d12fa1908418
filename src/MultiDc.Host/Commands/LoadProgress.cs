using System.Diagnostics;
using MultiDc.Host.CommandLine;

namespace MultiDc.Host.Commands;

/// <summary>One line on a terminal that tells how far a load is; silent elsewhere.</summary>
internal sealed class LoadProgress(Surroundings surroundings, long? total, TimeSpan period)
{
    private readonly Lock writing = new();
    private long shownAt = Stopwatch.GetTimestamp();
    private bool shown;

    public void Show(long loaded)
    {
        if (!surroundings.ErrorIsTerminal)
        {
            return;
        }

        lock (writing)
        {
            if (Stopwatch.GetElapsedTime(shownAt) >= period)
            {
                shownAt = Stopwatch.GetTimestamp();
                shown = true;
                surroundings.Error.Write(total is null ? $"\r{loaded} rows" : $"\r{loaded} of {total} rows");
            }
        }
    }

    public void End()
    {
        if (shown)
        {
            surroundings.Error.WriteLine();
        }
    }
}
