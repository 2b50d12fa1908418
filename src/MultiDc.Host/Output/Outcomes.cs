using MultiDc.Grains;

namespace MultiDc.Host.Output;

/// <summary>Which exit code an outcome has.</summary>
internal static class Outcomes
{
    public static ExitCode ExitCodeOf(ReadResult result) => result switch
    {
        ReadServed { Entry: null } => ExitCode.KeyNotFound,
        ReadServed => ExitCode.Done,
        ReadRejected rejected => ExitCodeOf(rejected.Reason),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    public static ExitCode ExitCodeOf(WriteResult result) => result switch
    {
        Applied => ExitCode.Done,
        Rejected rejected => ExitCodeOf(rejected.Reason),
        Unknown => ExitCode.UnknownOutcome,
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>A batch whose conditions do not hold is done if it says what else to do.</summary>
    public static ExitCode ExitCodeOf(BatchOperation batch, WriteResult result) =>
        result is AppliedBatch { Succeeded: false } && batch.Else.IsEmpty ? ExitCode.Rejected : ExitCodeOf(result);

    /// <summary>What an operation of a batch is called on the command line.</summary>
    public static string NameOf(WriteOperation operation) => operation switch
    {
        GetOperation => "get",
        PutOperation => "put",
        DeleteOperation => "delete",
        AddOperation => "add",
        AppendOperation => "append",
        MaxOperation => "max",
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>What time may heal is unavailable; what will be refused again is rejected.</summary>
    public static ExitCode ExitCodeOf(RejectionReason reason) => reason switch
    {
        RejectionReason.Unavailable or RejectionReason.NotReady or RejectionReason.NotLeader or RejectionReason.Overloaded => ExitCode.Unavailable,
        _ => ExitCode.Rejected,
    };
}
