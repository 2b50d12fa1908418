namespace MultiDc.Raft.Tests;

/// <summary>
/// What a trace has told so far of one replica. A null was never told, or may have changed unseen since. What is in doubt was told and may
/// have changed inside the replica without having been said yet; it is settled when the replica says all it has to say.
/// </summary>
internal sealed class ToldState
{
    public RaftRole? Role { get; set; }

    public ulong? Term { get; set; }

    public string? Configuration { get; set; }

    public Doubtful Commit { get; } = new();

    public Doubtful Vote { get; } = new();

    public Doubtful Leader { get; } = new();

    /// <summary>A message reached the replica.</summary>
    public void Doubt() => Commit.IsInDoubt = Vote.IsInDoubt = Leader.IsInDoubt = true;

    /// <summary>The replica has nothing more to say: what it did not say has not changed.</summary>
    public void Settle() => Commit.IsInDoubt = Vote.IsInDoubt = Leader.IsInDoubt = false;

    public void Forget()
    {
        (Role, Term, Configuration) = (null, null, null);
        Commit.Forget();
        Vote.Forget();
        Leader.Forget();
    }

    public sealed class Doubtful
    {
        public ulong? Value { get; private set; }

        public bool IsInDoubt { get; set; }

        public ulong? Certain => IsInDoubt ? null : Value;

        public void Tell(ulong value)
        {
            Value = value;
            IsInDoubt = false;
        }

        public void Forget() => Value = null;
    }
}
