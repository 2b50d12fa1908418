using System.Text.Json;
using System.Text.Json.Serialization;
using MultiDc.Wan.Links;

namespace MultiDc.Wan.Control;

/// <summary>What is asked of a running WAN: one line of JSON.</summary>
internal sealed record ControlRequest
{
    /// <summary>The version of requests and replies.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Tells the links and their rules; changes nothing.</summary>
    public const string State = "state";

    /// <summary>Changes rules.</summary>
    public const string Set = "set";

    /// <summary>Brings back the rules that the WAN began with.</summary>
    public const string Heal = "heal";

    /// <summary><see cref="CurrentVersion"/>.</summary>
    public required int Version { get; init; }

    /// <summary>One of the words above.</summary>
    public required string Command { get; init; }

    /// <summary>The directions it is about, each <c>from:to</c>, where <c>*</c> is every datacenter; null: all.</summary>
    public IReadOnlyList<string>? Links { get; init; }

    /// <summary>With <see cref="Set"/>: what to change.</summary>
    public LinkRulesChange? Rules { get; init; }
}

/// <summary>The answer to a <see cref="ControlRequest"/>: one line of JSON.</summary>
internal sealed record ControlReply
{
    /// <summary><see cref="ControlRequest.CurrentVersion"/>.</summary>
    public required int Version { get; init; }

    /// <summary>Why nothing was changed; null when what was asked is done.</summary>
    public string? Error { get; init; }

    /// <summary>How long the WAN runs. With the counters of two replies it gives rates.</summary>
    public double UptimeSeconds { get; init; }

    /// <summary>Packets that went to no datacenter.</summary>
    public long StrayPackets { get; init; }

    /// <summary>Packets that the kernel would not take: an interface is down.</summary>
    public long FailedWrites { get; init; }

    /// <summary>All directions, after the change.</summary>
    public IReadOnlyList<LinkState> Links { get; init; } = [];
}

/// <summary>One direction.</summary>
internal sealed record LinkState
{
    /// <summary>Where packets enter.</summary>
    public required string From { get; init; }

    /// <summary>Where they arrive.</summary>
    public required string To { get; init; }

    /// <summary>The rules in force.</summary>
    public required LinkRules Rules { get; init; }

    /// <summary>Packets under way.</summary>
    public required int QueuedPackets { get; init; }

    /// <summary>What has happened since the start.</summary>
    public required LinkCounters Counters { get; init; }
}

/// <summary>How requests and replies are written.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow)]
[JsonSerializable(typeof(ControlRequest))]
[JsonSerializable(typeof(ControlReply))]
internal sealed partial class ControlJson : JsonSerializerContext
{
    /// <exception cref="JsonException">It is not a request.</exception>
    public static ControlRequest ReadRequest(string line) =>
        JsonSerializer.Deserialize(line, Default.ControlRequest) ?? throw new JsonException("null is no request");

    /// <exception cref="JsonException">It is not a reply.</exception>
    public static ControlReply ReadReply(string line) =>
        JsonSerializer.Deserialize(line, Default.ControlReply) ?? throw new JsonException("null is no reply");

    public static string Write(ControlRequest request) => JsonSerializer.Serialize(request, Default.ControlRequest);

    public static string Write(ControlReply reply) => JsonSerializer.Serialize(reply, Default.ControlReply);
}
