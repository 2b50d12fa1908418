using System.Collections.Immutable;

namespace MultiDc.Storage;

/// <summary>Rows in key order and the index they were applied up to. Immutable: a view is a reference.</summary>
internal sealed record MemoryRows(ImmutableList<StateRow> Rows, ulong Applied)
{
    public static readonly MemoryRows Empty = new([], 0);

    private static readonly Comparer<StateRow> ByKey = Comparer<StateRow>.Create((x, y) => x.Key.Span.SequenceCompareTo(y.Key.Span));

    public ReadOnlyMemory<byte>? Get(ReadOnlyMemory<byte> key)
    {
        var at = Find(key);
        return at < 0 ? default(ReadOnlyMemory<byte>?) : Rows[at].Value;
    }

    public IEnumerable<StateRow> Range(ReadOnlyMemory<byte> from, ReadOnlyMemory<byte>? to)
    {
        var first = Find(from);
        for (var i = first < 0 ? ~first : first; i < Rows.Count; i++)
        {
            if (to is { } end && Rows[i].Key.Span.SequenceCompareTo(end.Span) >= 0)
            {
                yield break;
            }

            yield return Rows[i];
        }
    }

    public MemoryRows Apply(StateBatch batch, ulong applied)
    {
        var rows = Rows.ToBuilder();
        foreach (var (key, value) in batch.Changes)
        {
            var at = rows.BinarySearch(new StateRow(key, default), ByKey);
            switch (at, value)
            {
                case ( >= 0, null):
                    rows.RemoveAt(at);
                    break;
                case ( >= 0, { } bytes):
                    rows[at] = new StateRow(rows[at].Key, bytes.ToArray());
                    break;
                case ( < 0, { } bytes):
                    rows.Insert(~at, new StateRow(key.ToArray(), bytes.ToArray()));
                    break;
            }
        }

        return new MemoryRows(rows.ToImmutable(), applied);
    }

    private int Find(ReadOnlyMemory<byte> key) => Rows.BinarySearch(new StateRow(key, default), ByKey);
}
