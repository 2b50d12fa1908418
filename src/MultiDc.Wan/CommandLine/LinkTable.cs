using System.Text;
using MultiDc.Wan.Control;

namespace MultiDc.Wan.CommandLine;

/// <summary>The links, for people.</summary>
internal static class LinkTable
{
    private static readonly string[] Header = ["LINK", "DELAY ms", "JITTER ms", "LOSS", "DUP", "REORDER", "STATE", "PACKETS", "BYTES", "LOST", "CUT", "REFUSED"];

    public static string Write(ControlReply reply)
    {
        string[][] rows =
        [
            Header,
            .. reply.Links.Select(static link => new[]
            {
                $"{link.From} -> {link.To}",
                link.Rules.SlowMs > 0 ? $"{link.Rules.DelayMs:0.###} + {link.Rules.SlowMs:0.###}" : $"{link.Rules.DelayMs:0.###}",
                $"{link.Rules.JitterMs:0.###}",
                $"{link.Rules.Loss:0.###}",
                $"{link.Rules.Duplicate:0.###}",
                $"{link.Rules.Reorder:0.###}",
                link.Rules.Cut ? "cut" : "open",
                $"{link.Counters.DeliveredPackets}",
                $"{link.Counters.DeliveredBytes}",
                $"{link.Counters.LostPackets}",
                $"{link.Counters.CutPackets}",
                $"{link.Counters.RefusedPackets}",
            }),
        ];
        var widths = Enumerable.Range(0, Header.Length).Select(column => rows.Max(row => row[column].Length)).ToArray();
        var text = new StringBuilder();
        foreach (var row in rows)
        {
            text.Append(string.Join("  ", row.Select((cell, column) => cell.PadRight(widths[column]))).TrimEnd()).Append('\n');
        }

        return text.ToString();
    }
}
