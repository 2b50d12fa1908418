namespace MultiDc;

/// <summary>
/// Keeps what somebody has read and written, for reads of level <see cref="ReadLevel.Session"/>. Safe for concurrent use: a read is no older than what was noted
/// before it began. For one user, request chain or job; a session that everybody shares makes reads wait for what others wrote.
/// </summary>
public sealed class ReadSession
{
    private readonly Lock gate = new();
    private readonly LinkedList<ShardId> oldestFirst = new();
    private readonly Dictionary<ShardId, (Revision Revision, LinkedListNode<ShardId> Place)> seen = [];
    private bool hasForgotten;
    private ulong timesForgotten;
    private SessionToken? token = SessionToken.Empty;

    /// <summary>A session that has seen nothing.</summary>
    public ReadSession()
    {
    }

    /// <summary>A session that goes on from a token: its reads are no older than what the token's session had seen.</summary>
    public ReadSession(SessionToken token) => Note(token);

    /// <summary>What was seen until now.</summary>
    public SessionToken Token
    {
        get
        {
            lock (gate)
            {
                return token ??= SessionToken.Of(seen.Select(static entry => KeyValuePair.Create(entry.Key, entry.Value.Revision)), hasForgotten);
            }
        }
    }

    /// <summary>A read or write of the shard begins. Clients call this; what it answers with is noted by <see cref="SessionOperation.Note"/> or <see cref="SessionOperation.NoteMaybeOlder"/>.</summary>
    public SessionOperation Begin(ShardId shard)
    {
        lock (gate)
        {
            return new(this, shard, seen.TryGetValue(shard, out var entry) ? entry.Revision : hasForgotten ? null : default(Revision), timesForgotten);
        }
    }

    /// <summary>Notes all that another session has seen: reads that begin from now on are no older than its.</summary>
    public void Note(SessionToken token)
    {
        ArgumentNullException.ThrowIfNull(token);
        lock (gate)
        {
            // Of a shard that one has forgotten and the other holds nobody knows which is later.
            var hadForgotten = hasForgotten;
            timesForgotten++;
            if (token.HasForgotten)
            {
                hasForgotten = true;
                foreach (var shard in seen.Keys.Where(shard => !token.Seen.ContainsKey(shard)).ToArray())
                {
                    Forget(shard);
                }
            }

            foreach (var (shard, revision) in token.Seen)
            {
                if (!hadForgotten || seen.ContainsKey(shard))
                {
                    Keep(shard, revision);
                }
            }

            // Not before: what is forgotten on the way could come again in the token, as it was earlier.
            ForgetTooMany();
            this.token = null;
        }
    }

    // Null: even if nothing was forgotten meanwhile, it may be older than what was forgotten before.
    internal void Note(ShardId shard, Revision revision, ulong? timesForgottenBefore)
    {
        lock (gate)
        {
            // Whatever was forgotten while the operation was under way may have been something later of this very shard.
            if (revision.Value > 0 && (!hasForgotten || seen.ContainsKey(shard) || timesForgotten == timesForgottenBefore))
            {
                Keep(shard, revision);
                ForgetTooMany();
            }
        }
    }

    private void Keep(ShardId shard, Revision revision)
    {
        if (seen.TryGetValue(shard, out var known))
        {
            oldestFirst.Remove(known.Place);
            oldestFirst.AddLast(known.Place);
            if (revision.Value <= known.Revision.Value)
            {
                return;
            }

            seen[shard] = (revision, known.Place);
        }
        else
        {
            seen.Add(shard, (revision, oldestFirst.AddLast(shard)));
        }

        token = null;
    }

    private void ForgetTooMany()
    {
        while (seen.Count > SessionToken.MaxShards)
        {
            Forget(oldestFirst.First!.Value);
        }
    }

    private void Forget(ShardId shard)
    {
        hasForgotten = true;
        timesForgotten++;
        seen.Remove(shard, out var entry);
        oldestFirst.Remove(entry.Place);
    }
}

/// <summary>A read or write of a session that is under way.</summary>
public readonly struct SessionOperation
{
    private readonly ReadSession? session;
    private readonly ShardId shard;
    private readonly ulong timesForgotten;

    internal SessionOperation(ReadSession session, ShardId shard, Revision? minimum, ulong timesForgotten) =>
        (this.session, this.shard, Minimum, this.timesForgotten) = (session, shard, minimum, timesForgotten);

    /// <summary>How far a replica must have got to answer it; null: that was forgotten, so the read must be linearizable.</summary>
    public Revision? Minimum { get; }

    /// <summary>Notes the revision that was written, or read no older than <see cref="Minimum"/>, linearizably where that is null. A revision of 0 is none.</summary>
    public void Note(Revision revision) => session?.Note(shard, revision, timesForgotten);

    /// <summary>
    /// Notes a revision that may be older than what the session has seen, as those of stale reads and watches may be: where what it has seen of the shard was forgotten, it stays so, and the next read
    /// is linearizable.
    /// </summary>
    public void NoteMaybeOlder(Revision revision) => session?.Note(shard, revision, null);
}
