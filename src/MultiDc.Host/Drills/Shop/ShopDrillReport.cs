using System.Text.Json;
using MultiDc.Host.Output;

namespace MultiDc.Host.Drills.Shop;

/// <summary>What the drill of the web app came to.</summary>
internal sealed class ShopDrillReport : IDrillReport
{
    public required IReadOnlyList<string> Shops { get; init; }

    public required ShopFigures Figures { get; init; }

    public required IReadOnlyList<ShopFault> Faults { get; init; }

    /// <summary>Silos that ended themselves when nothing was done to them, and were started again.</summary>
    public required IReadOnlyList<string> Restarted { get; init; }

    public required CartFindings Findings { get; init; }

    /// <summary>Whether carts and stock are what was acknowledged, and each shop whose datacenter was killed went by another and returned.</summary>
    public bool IsKept => Findings.Violations.Count == 0 && Faults.Count > 0 && Faults.All(fault => Figures.Of(fault.Datacenter, fault.Made) is { Left: not null, Returned: not null });

    public void Write(TextWriter output)
    {
        output.WriteLine();
        foreach (var fault in Faults)
        {
            output.WriteLine($"fault        {fault.Made.What}, which led {fault.Made.Shards.Count} shards");
            foreach (var figures in Shops.Select(shop => Figures.Of(shop, fault.Made)))
            {
                output.WriteLine($"  shop {figures.Shop}   no success for at most {Seconds(figures.Pause)} (before: {Seconds(figures.Before)}, after healing: {Seconds(figures.HealingPause)}); "
                    + $"slowest request {Seconds(figures.SlowestRequest)}, {figures.Retried} retried; {Route(figures)}");
            }
        }

        var all = Faults.SelectMany(fault => Shops.Select(shop => Figures.Of(shop, fault.Made))).ToArray();
        if (all.Length > 0)
        {
            output.WriteLine($"longest      {Seconds(all.Max(static f => f.Pause))} without a success by way of a shop, {Seconds(all.Max(static f => f.SlowestRequest))} for one request, over {Faults.Count} faults");
        }

        foreach (var slow in Figures.Slowest(3))
        {
            output.WriteLine($"  {slow}");
        }

        if (Restarted.Count > 0)
        {
            output.WriteLine($"restarted    {string.Join(", ", Restarted)}: ended by themselves and were started again");
        }

        output.WriteLine($"answers      {Figures.Answers:n0}, of which {Figures.Failures:n0} were 503 or did not come; all of those requests were decided by a later attempt");
        output.WriteLine($"carts        {Findings.Carts:n0} carts with {Findings.Lines:n0} lines of {Findings.Acknowledged:n0} acknowledged changes: "
            + (Findings.Violations.Count == 0 ? "every line is there, once, and stock and carts add up" : $"{Findings.Violations.Count} VIOLATIONS"));
        foreach (var violation in Findings.Violations.Take(3))
        {
            output.WriteLine($"  {violation}");
        }

        output.WriteLine(IsKept ? "VERDICT      no violation" : "VERDICT      VIOLATION");
    }

    public void WriteJson(TextWriter output) => JsonLine.Write(output, json =>
    {
        json.WriteString("drill", "shop");
        json.WriteBoolean("kept", IsKept);
        json.WriteStartArray("faults");
        foreach (var fault in Faults)
        {
            json.WriteStartObject();
            json.WriteString("what", fault.Made.What);
            json.WriteNumber("shardsLed", fault.Made.Shards.Count);
            json.WriteStartArray("shops");
            foreach (var figures in Shops.Select(shop => Figures.Of(shop, fault.Made)))
            {
                json.WriteStartObject();
                json.WriteString("shop", figures.Shop);
                json.WriteNumber("pauseBeforeSeconds", Rounded(figures.Before));
                json.WriteNumber("pauseSeconds", Rounded(figures.Pause));
                json.WriteNumber("healingPauseSeconds", Rounded(figures.HealingPause));
                json.WriteNumber("slowestRequestSeconds", Rounded(figures.SlowestRequest));
                json.WriteNumber("retried", figures.Retried);
                WriteOrNull(json, "leftAfterSeconds", figures.Left);
                WriteOrNull(json, "returnedAfterSeconds", figures.Returned);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartArray("restarted");
        foreach (var silo in Restarted)
        {
            json.WriteStringValue(silo);
        }

        json.WriteEndArray();
        json.WriteNumber("answers", Figures.Answers);
        json.WriteNumber("failures", Figures.Failures);
        json.WriteNumber("carts", Findings.Carts);
        json.WriteNumber("lines", Findings.Lines);
        json.WriteNumber("acknowledged", Findings.Acknowledged);
        json.WriteStartArray("violations");
        foreach (var violation in Findings.Violations)
        {
            json.WriteStringValue(violation);
        }

        json.WriteEndArray();
    });

    private static string Route(ShopFaultFigures figures) => figures switch
    {
        { Left: null } => "stayed with its datacenter",
        { Left: { } left, Returned: { } returned } => $"by another datacenter after {Seconds(left)}, back {Seconds(returned)} after healing",
        { Left: { } left } => $"by another datacenter after {Seconds(left)}, DID NOT RETURN",
    };

    private static void WriteOrNull(Utf8JsonWriter json, string name, TimeSpan? time)
    {
        if (time is { } value)
        {
            json.WriteNumber(name, Rounded(value));
        }
        else
        {
            json.WriteNull(name);
        }
    }

    private static double Rounded(TimeSpan time) => Math.Round(time.TotalSeconds, 3);

    private static string Seconds(TimeSpan time) => $"{time.TotalSeconds:0.00} s";
}

/// <summary>A fault, and the datacenter that was killed by it.</summary>
internal sealed record ShopFault(string Datacenter, MadeFault Made);
