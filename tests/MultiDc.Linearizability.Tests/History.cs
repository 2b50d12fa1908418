namespace MultiDc.Linearizability.Tests;

/// <summary>Short words for hand-made histories: times are small numbers, the key is "k" unless told.</summary>
internal static class History
{
    public static Operation Put(int client, string value, long start, long end, string key = "k") =>
        Ok(client, OperationKind.Put, start, end, key) with { Value = value };

    public static Operation Get(int client, string? output, long start, long end, string key = "k") =>
        Ok(client, OperationKind.Get, start, end, key) with { Output = output };

    public static Operation Delete(int client, long start, long end, string key = "k") => Ok(client, OperationKind.Delete, start, end, key);

    public static Operation Cas(int client, string? expect, string value, bool answer, long start, long end, string key = "k") =>
        Ok(client, OperationKind.Cas, start, end, key) with { Expect = expect, Value = value, Output = answer ? "true" : "false" };

    public static Operation Failed(Operation operation) => operation with { Result = OperationResult.Fail, Output = null };

    public static Operation Unknown(Operation operation) => operation with { Result = OperationResult.Unknown, End = null, Output = null };

    private static Operation Ok(int client, OperationKind kind, long start, long end, string key) =>
        new() { Client = client, Kind = kind, Key = key, Start = start, End = end, Result = OperationResult.Ok };
}
