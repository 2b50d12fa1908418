namespace MultiDc.Raft.Tests;

/// <summary>
/// Reads the expected output of interaction cases and remembers what it tells of each replica: role, term, commit index, configuration, vote
/// and leader. Log lines of other kinds, and messages, are left out. While the log level hides what happens, what was known is forgotten.
/// </summary>
internal sealed class Trace
{
    private const int Info = 1;
    private const int None = 5;
    private static readonly string[] Levels = ["debug", "info", "warn", "error", "fatal", "none"];

    private readonly SortedDictionary<ulong, ToldState> replicas = [];
    private int level;

    /// <summary>The last stored log that was printed in this directive: term, index, kind and data of each entry; null when none was.</summary>
    public List<string>? Log { get; private set; }

    /// <summary>Which replicas said in this directive whether they vote, by their own configuration.</summary>
    public Dictionary<ulong, bool> Voting { get; } = [];

    /// <summary>Who a leader's printed status counts as members, and which of them as learners.</summary>
    public SortedDictionary<ulong, bool> Followed { get; } = [];

    /// <summary>Leaders that stepped down because they heard from no quorum.</summary>
    public HashSet<ulong> LostQuorum { get; } = [];

    public IEnumerable<KeyValuePair<ulong, ToldState>> Replicas => replicas;

    public void Read(Directive directive)
    {
        Log = null;
        Voting.Clear();
        Followed.Clear();
        var levelHere = directive.Value("log-level") is { } own ? LevelOf(own) : level;
        if (directive.Command == "log-level")
        {
            level = LevelOf(directive.Arguments[0].Key);
            return;
        }

        if (directive.Command == "add-nodes")
        {
            Found(directive);
        }

        if (levelHere > Info && CanChangeAnything(directive))
        {
            foreach (var told in replicas.Values)
            {
                told.Forget();
            }
        }

        if (levelHere < None)
        {
            ReadLines(directive);
            if (directive.Command == "stabilize")
            {
                foreach (var id in directive.Numbers.IsEmpty ? [.. replicas.Keys] : directive.Numbers)
                {
                    Of(id).Settle();
                }
            }
        }
    }

    /// <summary>The command itself tells how its replicas start.</summary>
    private void Found(Directive directive)
    {
        for (var i = 0UL; i < directive.Numbers[0]; i++)
        {
            var told = Of((ulong)replicas.Count + 1);
            (told.Role, told.Term) = (RaftRole.Follower, 0);
            told.Configuration = InteractionGroup.FoundingConfiguration(directive).ToString();
            told.Commit.Tell(ulong.Parse(directive.Value("index") ?? "0"));
            told.Vote.Tell(0);
            told.Leader.Tell(0);
        }
    }

    private void ReadLines(Directive directive)
    {
        var at = directive.Numbers.Length == 1 ? directive.Numbers[0] : 0;
        var hears = directive.Command == "deliver-msgs";
        foreach (var line in directive.Expected.Split('\n').Select(line => line.Trim()))
        {
            if (TraceLines.Header().Match(line) is { Success: true } header)
            {
                at = ulong.Parse(header.Groups[1].Value);
                hears = header.Groups[2].Value == "receiving messages";
            }
            else if (line.StartsWith("Ready MustSync", StringComparison.Ordinal) || line == "<empty Ready>")
            {
                Of(at).Settle();
            }
            else if (hears && TraceLines.Message().Match(line) is { Success: true } message)
            {
                Of(ulong.Parse(message.Groups[1].Value)).Doubt();
            }
            else if (line == "Entries:" && Of(at).Role != RaftRole.Follower)
            {
                // Its own log may be what was missing for a quorum, and it says so only the next time.
                Of(at).Commit.IsInDoubt = true;
            }
            else if (directive.Command is "raft-log" or "compact")
            {
                ReadLog(line);
            }
            else
            {
                ReadState(line, at);
            }
        }
    }

    private void ReadState(string line, ulong at)
    {
        if (TraceLines.SoftState().Match(line) is { Success: true } soft)
        {
            Of(at).Leader.Tell(ulong.Parse(soft.Groups[1].Value));
            Of(at).Role = RoleOf(soft.Groups[2].Value);
        }
        else if (TraceLines.HardState().Match(line) is { Success: true } hard)
        {
            Of(at).Term = ulong.Parse(hard.Groups[1].Value);
            Of(at).Vote.Tell(hard.Groups[2].Success ? ulong.Parse(hard.Groups[2].Value) : 0);
            Of(at).Commit.Tell(ulong.Parse(hard.Groups[3].Value));
        }
        else if (TraceLines.Became().Match(line) is { Success: true } became)
        {
            Become(Of(ulong.Parse(became.Groups[1].Value)), ulong.Parse(became.Groups[1].Value), became.Groups[2].Value, ulong.Parse(became.Groups[3].Value));
        }
        else if (TraceLines.Switched().Match(line) is { Success: true } switched)
        {
            Of(ulong.Parse(switched.Groups[1].Value)).Configuration = switched.Groups[2].Value;
        }
        else if (TraceLines.Forgetting().Match(line) is { Success: true } forgetting)
        {
            Of(ulong.Parse(forgetting.Groups[1].Value)).Leader.Tell(0);
        }
        else if (TraceLines.SteppedDown().Match(line) is { Success: true } steppedDown)
        {
            LostQuorum.Add(ulong.Parse(steppedDown.Groups[1].Value));
        }
        else if (TraceLines.State().Match(line) is { Success: true } state)
        {
            var told = Of(ulong.Parse(state.Groups[1].Value));
            (told.Role, told.Term) = (RoleOf(state.Groups[2].Value), ulong.Parse(state.Groups[4].Value));
            told.Leader.Tell(ulong.Parse(state.Groups[5].Value));
            Voting[ulong.Parse(state.Groups[1].Value)] = state.Groups[3].Value == "Voter";
        }
        else if (TraceLines.Status().Match(line) is { Success: true } status)
        {
            Followed[ulong.Parse(status.Groups[1].Value)] = status.Groups[2].Success;
        }
    }

    private void ReadLog(string line)
    {
        if (line.StartsWith("log is empty", StringComparison.Ordinal))
        {
            Log = [];
        }
        else if (TraceLines.Entry().IsMatch(line))
        {
            (Log ??= []).Add(line);
        }
    }

    private static void Become(ToldState told, ulong id, string role, ulong term)
    {
        // A new term has no vote yet; one that is given at once is told with the hard state.
        told.Vote.IsInDoubt |= term != told.Term || role == "candidate";
        told.Term = term;
        told.Role = role switch
        {
            "follower" => RaftRole.Follower,
            "pre-candidate" => RaftRole.PreCandidate,
            "candidate" => RaftRole.Candidate,
            _ => RaftRole.Leader,
        };
        told.Leader.Tell(role == "leader" ? id : 0);
        told.Leader.IsInDoubt = role == "follower";
    }

    private ToldState Of(ulong id)
    {
        if (!replicas.TryGetValue(id, out var told))
        {
            replicas.Add(id, told = new ToldState());
        }

        return told;
    }

    private static bool CanChangeAnything(Directive directive) => directive.Command switch
    {
        "campaign" or "stabilize" or "process-ready" or "process-append-thread" or "process-apply-thread" => true,
        "tick-election" or "tick-heartbeat" or "transfer-leadership" or "forget-leader" => true,
        "deliver-msgs" => !directive.Numbers.IsEmpty,
        _ => false,
    };

    private static int LevelOf(string name) => Array.IndexOf(Levels, name.ToLowerInvariant());

    private static RaftRole RoleOf(string state) => state switch
    {
        "StateFollower" => RaftRole.Follower,
        "StatePreCandidate" => RaftRole.PreCandidate,
        "StateCandidate" => RaftRole.Candidate,
        "StateLeader" => RaftRole.Leader,
        _ => throw new FormatException($"unknown state {state}"),
    };
}
