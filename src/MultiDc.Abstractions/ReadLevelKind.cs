namespace MultiDc;

/// <summary>What an answer to a read promises. The numbers are on the wire.</summary>
public enum ReadLevelKind
{
    /// <summary>It is the state of some moment.</summary>
    Local = 0,

    /// <summary>The moment is no longer ago than was asked for.</summary>
    BoundedStaleness = 1,

    /// <summary>The moment is no earlier than any that the session has seen or written.</summary>
    Session = 2,

    /// <summary>The moment lies between the request and the answer.</summary>
    Linearizable = 3,
}
