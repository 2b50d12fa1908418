using CsCheck;
using MultiDc.Grains;
using MultiDc.Raft;
using MultiDc.Server.Watching;

namespace MultiDc.Server.Tests.Watching;

public sealed class ChangeHistoryTests
{
    private static readonly TimeSpan Guard = TimeSpan.FromMinutes(1);
    private static readonly WatchFilter All = WatchFilter.Prefix(default);

    /// <summary>One step: entries that change so many keys each, or some bytes to forget, or a new beginning.</summary>
    private sealed record Step(int[] Keys, int Evict, bool BeginAnew)
    {
        public static readonly Gen<Step[]> Many = Gen.Select(Gen.Int[0, 9].Array[0, 6], Gen.Int[0, 12], Gen.Int[0, 60])
            .Select(static (keys, evict, begin) => new Step(keys, evict > 10 ? 1000 * (evict - 10) : 0, begin == 0)).Array[1, 60];
    }

    [Fact]
    public void It_remembers_what_a_list_would_and_forgets_whole_revisions() => Gen.Select(Step.Many, Gen.Int[0, 3000], Gen.Int[1, 900]).Sample(
        static (steps, maxBytes, pageBytes) =>
        {
            var history = new ChangeHistory(new() { MaxBytes = maxBytes });
            var twin = new ListTwin(maxBytes);
            var index = 5UL;
            history.BeginAt(new(index));
            twin.Begin(index);
            foreach (var step in steps)
            {
                if (step.BeginAnew)
                {
                    history.BeginAt(new(index += 10));
                    twin.Begin(index);
                }

                // Some entries change several keys, some none.
                var changes = new List<Change>();
                foreach (var key in step.Keys)
                {
                    index += key == 9 ? 2UL : key % 3 == 0 ? 0UL : 1UL;
                    changes.Add(new(new(index), Bytes($"k{key}"), key == 5 ? (ReadOnlyMemory<byte>?)null : new byte[key * 20], new(1), index, key == 3 ? null : new(index - 1)));
                }

                changes = [.. changes.Where(c => c.Revision.Value > twin.UpTo)];
                index = Math.Max(index, twin.UpTo);
                history.Add(changes, new(index));
                twin.Add(changes, index);
                if (step.Evict > 0)
                {
                    Assert.Equal(twin.Evict(step.Evict), history.Evict(step.Evict));
                }

                Assert.Equal((twin.UpTo, twin.CompactedTo, twin.Bytes), (history.UpTo.Value, history.CompactedTo.Value, history.Bytes));
                foreach (var filter in (WatchFilter[])[All, WatchFilter.Prefix(Bytes("k")), WatchFilter.Key(Bytes("k4")), WatchFilter.Prefix(Bytes("x"))])
                {
                    for (var after = twin.CompactedTo > 3 ? twin.CompactedTo - 3 : 0; after <= twin.UpTo + 1; after += 1 + (after / 7))
                    {
                        Assert.Equal(twin.Read(filter, after), ReadAll(history, filter, after, pageBytes));
                    }
                }
            }

            history.Close();
            Assert.Equal(0, history.Bytes);
        },
        iter: 300);

    /// <summary>One revision: of an array of so many bytes, parts of the first of which become keys and values; and whether it is added together with the next.</summary>
    [Fact]
    public void It_keeps_no_more_memory_than_it_counts() =>
        Gen.Select(Gen.OneOf(Gen.Int[0, 400], Gen.Int[0, 100_000]), Gen.Select(Gen.Int[1, 20], Gen.Int[0, 900]).Array[1, 4], Gen.Int[0, 1], Gen.Int[0, 3]).Array[1, 60].Sample(static revisions =>
        {
            const int MaxBytes = 10_000;
            var history = new ChangeHistory(new() { MaxBytes = MaxBytes });
            var (shared, sharedFrom) = (new byte[4000], 0);
            var (index, told) = (0UL, new List<string>());
            var (changes, worth) = (new List<Change>(), new List<(ulong UpTo, long Bytes)>());
            foreach (var (besides, parts, kind, together) in revisions)
            {
                // In arrays of their own, or all of a few revisions in one, as the entries of one message are, which may be added in several parts.
                var needed = parts.Sum(static part => part.Item1 + part.Item2);
                if (kind == 0 && sharedFrom + needed > shared.Length)
                {
                    (shared, sharedFrom) = (new byte[4000], 0);
                }

                var array = kind == 0 ? shared : new byte[besides + needed];
                var at = kind == 0 ? sharedFrom : 0;
                sharedFrom += kind == 0 ? needed : 0;
                index++;
                foreach (var (key, value) in parts)
                {
                    array.AsSpan(at, key + value).Fill((byte)(index + (ulong)at));
                    changes.Add(new(new(index), array.AsMemory(at, key), kind == 1 && besides % 2 == 0 ? null : array.AsMemory(at + key, value), new(1), 1, null));
                    at += key + value;
                }

                if (together > 0 && (int)index < revisions.Length)
                {
                    continue;
                }

                told.AddRange(changes.Select(static change => Hex(change.Key, change.Value)));
                history.Add(changes, new(index));
                worth.Add((index, changes.Sum(static change => (2L * (change.Key.Length + (change.Value?.Length ?? 0))) + 192) + (512 * changes.DistinctBy(static change => change.Revision).Count())));
                changes.Clear();
                var kept = history.Read(All, history.CompactedTo, int.MaxValue).Revisions.SelectMany(static revision => revision.Events).ToArray();
                var arrays = kept.SelectMany(static change => (ReadOnlyMemory<byte>[])[change.Key, change.Entry?.Value ?? default])
                    .Select(static part => System.Runtime.InteropServices.MemoryMarshal.TryGetArray(part, out var segment) ? segment.Array! : [])
                    .Distinct(ReferenceEqualityComparer.Instance).Sum(static array => (long)((byte[])array!).Length);
                Assert.True(arrays <= history.Bytes, $"{arrays} bytes are kept, and {history.Bytes} counted");
                Assert.True(history.Bytes <= MaxBytes || kept.Length == parts.Length, $"{history.Bytes} bytes and {kept.Length} changes");
                Assert.Equal(told.TakeLast(kept.Length), kept.Select(static change => Hex(change.Key, change.Entry?.Value)));
            }

            // What was copied was worth it, and what was counted is there: nothing is counted several times over. What came together may be kept for its last change.
            Assert.InRange(history.Bytes, 0, worth.Where(one => one.UpTo > history.CompactedTo.Value).Sum(static one => one.Bytes));
        },
        iter: 300);

    /// <summary>As a follower gets them: a copy of each would be most of what it allocates. But the newest, which is never forgotten, keeps nobody else's memory.</summary>
    [Fact]
    public void The_entries_of_one_message_are_kept_as_they_came_and_counted_once()
    {
        var message = new byte[100 * 300];
        Change[] changes = [.. Enumerable.Range(0, 100).Select(i => new Change(new((ulong)i + 1), message.AsMemory(i * 300, 20), message.AsMemory((i * 300) + 40, 256), new(1), 1, null))];
        var overhead = Put(1, "", 0).SizeBytes;
        var (history, small) = (new ChangeHistory(), new ChangeHistory(new() { MaxBytes = 1000 }));
        history.Add(changes, new(100));
        Assert.Equal([.. Enumerable.Repeat(true, 198), false, false], Parts(history).Select(IsOfMessage));
        Assert.Equal(message.Length + 276 + (100 * overhead), history.Bytes);

        // It is counted for as long as it is kept: until the last of it is forgotten.
        Assert.True(history.Evict(90 * overhead));
        Assert.InRange(history.Bytes, message.Length, message.Length + 276 + (10 * overhead));
        Assert.True(history.Evict(message.Length));
        Assert.Equal(276 + overhead, history.Bytes);
        small.Add(changes, new(100));
        Assert.Equal([false, false], Parts(small).Select(IsOfMessage));
        Assert.Equal(276 + overhead, small.Bytes);

        bool IsOfMessage(ReadOnlyMemory<byte> part) => System.Runtime.InteropServices.MemoryMarshal.TryGetArray(part, out var segment) && segment.Array == message;
        static ReadOnlyMemory<byte>[] Parts(ChangeHistory history) =>
            [.. history.Read(All, history.CompactedTo, int.MaxValue).Revisions.SelectMany(static revision => revision.Events).SelectMany(static change => (ReadOnlyMemory<byte>[])[change.Key, change.Entry!.Value])];
    }

    [Fact]
    public void A_page_never_splits_a_revision()
    {
        var history = new ChangeHistory();
        history.Add([.. Enumerable.Range(0, 5000).Select(static i => new Change(new((ulong)(i / 2500) + 1), Bytes($"k{i}"), new byte[10], new(1), 1, null))], new(2));
        var page = history.Read(All, default, 1);
        Assert.Equal((1UL, false, 2500), (page.UpTo.Value, page.IsLast, Assert.Single(page.Revisions).Events.Count));
        page = history.Read(All, page.UpTo, 1);
        Assert.Equal((2UL, true, 2500), (page.UpTo.Value, page.IsLast, Assert.Single(page.Revisions).Events.Count));
    }

    [Fact]
    public async Task Those_wake_whose_keys_have_changed_and_no_others()
    {
        var history = new ChangeHistory(new() { MaxWaiting = 4 });
        history.BeginAt(new(1));
        HistoryWaiter[] waiters = [.. ((WatchFilter[])[All, WatchFilter.Prefix(Bytes("a")), WatchFilter.Key(Bytes("a1")), WatchFilter.Key(Bytes("b"))]).Select(filter => history.TryWait(filter, new(1))!)];
        Assert.Null(history.TryWait(All, new(1)));
        history.Add([Put(2, "a2")], new(2));
        await waiters[0].Changed.WaitAsync(Guard);
        await waiters[1].Changed.WaitAsync(Guard);
        Assert.Equal([false, false], waiters[2..].Select(static w => w.Changed.IsCompleted));
        history.Add([Put(3, "a1"), Put(3, "c")], new(3));
        await waiters[2].Changed.WaitAsync(Guard);
        Assert.False(waiters[3].Changed.IsCompleted);

        // Nobody waits for what is there already.
        history.Leave(waiters[0]);
        var late = history.TryWait(All, new(3))!;
        history.Add([], new(4));
        history.Leave(waiters[1]);
        var other = history.TryWait(WatchFilter.Key(Bytes("d")), new(4))!;
        history.Add([Put(5, "d")], new(5));
        await other.Changed.WaitAsync(Guard);
        await late.Changed.WaitAsync(Guard);
        history.Close();
        await waiters[3].Changed.WaitAsync(Guard);
        foreach (var waiter in (HistoryWaiter[])[waiters[2], waiters[3], late, other])
        {
            history.Leave(waiter);
        }

        Assert.Equal((0, 0), (history.Waiting, history.WatchedKeys));
    }

    [Fact]
    public async Task Whoever_reads_again_after_it_began_to_wait_misses_nothing()
    {
        var history = new ChangeHistory(new() { MaxBytes = long.MaxValue });
        const int Last = 20_000;
        var watchers = Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            var filter = i % 2 == 0 ? All : WatchFilter.Key(Bytes($"k{i}"));
            var seen = new List<ulong>();
            var after = default(Revision);
            while (after.Value < Last)
            {
                var waiter = history.TryWait(filter, after)!;
                var page = history.Read(filter, after, 5000);
                if (page.Revisions.Count == 0 && page.IsLast && after.Value < Last)
                {
                    await waiter.Changed.WaitAsync(Guard);
                }

                history.Leave(waiter);
                seen.AddRange(page.Revisions.Select(static r => r.Revision.Value));
                after = page.UpTo;
            }

            return (i, seen);
        })).ToArray();
        for (var revision = 1UL; revision <= Last; revision++)
        {
            history.Add([Put(revision, revision == Last ? "k1" : $"k{revision % 10}"), Put(revision, $"k{(revision == Last ? 3 : 11)}"), Put(revision, revision == Last ? "k5" : "x"), Put(revision, revision == Last ? "k7" : "y")], new(revision));
        }

        foreach (var (i, seen) in await Task.WhenAll(watchers))
        {
            Assert.Equal(Enumerable.Range(1, Last).Where(r => i % 2 == 0 || r == Last || r % 10 == i).Select(static r => (ulong)r), seen);
        }
    }

    [Fact]
    public void When_all_together_are_too_large_the_largest_gives_way()
    {
        var budget = new HistoryBudget(100_000);
        ChangeHistory[] histories = [.. Enumerable.Range(0, 3).Select(_ => new ChangeHistory(new() { MaxBytes = 90_000 }, budget))];
        for (var i = 1UL; i <= 20; i++)
        {
            histories[0].Add([Put(i, "k", 500)], new(i));
        }

        var small = histories[0].Bytes;
        for (var i = 1UL; i <= 1000; i++)
        {
            foreach (var history in histories[1..])
            {
                history.Add([Put(i, "k", 500)], new(i));
            }

            Assert.InRange(budget.TotalBytes, 0, 100_000);
            Assert.Equal(histories.Sum(static h => h.Bytes), budget.TotalBytes);
        }

        Assert.Equal(small, histories[0].Bytes);
        Assert.All(histories[1..], static history => Assert.InRange(history.Bytes, 20_000, 60_000));
        histories[1].Close();
        Assert.Equal(histories.Sum(static h => h.Bytes), budget.TotalBytes);

        // Where nothing can go, nothing does, and nobody tries for ever.
        var tight = new HistoryBudget(10);
        var one = new ChangeHistory(null, tight);
        one.Add([Put(1, "k", 500)], new(1));
        one.Add([Put(2, "k", 500)], new(2));
        Assert.Equal((1UL, 2UL), (one.CompactedTo.Value, one.UpTo.Value));
    }

    private static string Hex(ReadOnlyMemory<byte> key, ReadOnlyMemory<byte>? value) => $"{Convert.ToHexString(key.Span)}={(value is { } bytes ? Convert.ToHexString(bytes.Span) : "gone")}";

    private static Change Put(ulong revision, string key, int bytes = 1) => new(new(revision), Bytes(key), new byte[bytes], new(revision), 1, null);

    private static byte[] Bytes(string text) => System.Text.Encoding.UTF8.GetBytes(text);

    private static string ReadAll(ChangeHistory history, WatchFilter filter, ulong after, int pageBytes)
    {
        var told = new List<string>();
        var at = new Revision(after);
        while (true)
        {
            var page = history.Read(filter, at, pageBytes);
            if (page.CompactedTo is { } compactedTo)
            {
                return $"compacted to {compactedTo}";
            }

            Assert.True(page.IsLast || page.UpTo.Value > at.Value, "a page that is not the last comes further");
            Assert.All(page.Revisions, r => Assert.All(r.Events, e => Assert.Equal(e.Entry?.ModifyRevision ?? r.Revision, r.Revision)));
            told.AddRange(page.Revisions.Select(static r => $"{r.Revision}: {string.Join(", ", r.Events.Select(Describe))}"));
            at = page.UpTo;
            if (page.IsLast)
            {
                return $"{string.Join("; ", told)} up to {at}";
            }
        }
    }

    private static string Describe(WatchEvent change) =>
        $"{System.Text.Encoding.UTF8.GetString(change.Key.Span)}={change.Entry?.Value.Length.ToString() ?? "gone"}/{change.Entry?.Version} after {change.PreviousRevision}";

    /// <summary>The same, with nothing but a list.</summary>
    private sealed class ListTwin(long maxBytes)
    {
        private readonly List<Change> changes = [];

        public ulong UpTo { get; private set; }

        public ulong CompactedTo { get; private set; }

        public long Bytes => changes.Sum(static c => c.SizeBytes);

        public void Begin(ulong index)
        {
            changes.Clear();
            UpTo = CompactedTo = index;
        }

        public void Add(List<Change> added, ulong upTo)
        {
            changes.AddRange(added);
            UpTo = upTo;
            Shrink(maxBytes);
        }

        public bool Evict(long bytes) => Shrink(Bytes - bytes);

        public string Read(WatchFilter filter, ulong after) => after < CompactedTo ? $"compacted to {CompactedTo}"
            : $"{string.Join("; ", changes.Where(c => c.Revision.Value > after && filter.Matches(c.Key.Span)).GroupBy(static c => c.Revision)
                .Select(static g => $"{g.Key}: {string.Join(", ", g.Select(static c => Describe(c.ToEvent())))}"))} up to {Math.Max(after, UpTo)}";

        private bool Shrink(long most)
        {
            var before = changes.Count;
            while (Bytes > most && changes.Count > 0 && changes[0].Revision != changes[^1].Revision)
            {
                CompactedTo = changes[0].Revision.Value;
                changes.RemoveAll(c => c.Revision.Value == CompactedTo);
            }

            return changes.Count < before;
        }
    }
}
