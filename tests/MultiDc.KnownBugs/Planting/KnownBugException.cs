namespace MultiDc.KnownBugs;

/// <summary>A bug file does not fit the product (any more), or the test build does not come about.</summary>
internal sealed class KnownBugException(string message) : Exception(message);
