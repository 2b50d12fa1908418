namespace MultiDc.Host;

/// <summary>How <c>multidc</c> ends: part of its interface, so numbers never change. From 64 up they are those of sysexits.h.</summary>
internal enum ExitCode
{
    /// <summary>Done.</summary>
    Done = 0,

    /// <summary><c>get</c>: there is no such key.</summary>
    KeyNotFound = 1,

    /// <summary>The command line is wrong.</summary>
    WrongUsage = 2,

    /// <summary>The operation was refused, did not happen and never will, for example because a compare-and-set found another value.</summary>
    Rejected = 3,

    /// <summary>The write may have happened or not; read to find out, or repeat it.</summary>
    UnknownOutcome = 4,

    /// <summary>Nothing happened, because nothing answered in time or everything is too busy; try again.</summary>
    Unavailable = 5,

    /// <summary><c>demo</c>: the verdict is a violation.</summary>
    Violation = 6,

    /// <summary><c>store</c>: the store is damaged; what was found is told.</summary>
    StoreDamaged = 7,

    /// <summary><c>load</c>, <c>demo</c>, <c>batch</c>: the file cannot be read or has bad lines.</summary>
    BadInputFile = 65,

    /// <summary><c>run</c>: a port is in use, or a service the silo needs does not answer.</summary>
    ServiceUnavailable = 69,

    /// <summary>A bug: something happened that nobody thought of.</summary>
    InternalError = 70,

    /// <summary><c>run</c>, <c>demo</c>, <c>store</c>: the data folder cannot be used.</summary>
    DataFolderUnusable = 73,

    /// <summary>The configuration is missing or wrong.</summary>
    WrongConfiguration = 78,

    /// <summary>Ended by Ctrl-C or SIGTERM before it was done.</summary>
    Cancelled = 130,
}
