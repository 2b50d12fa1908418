using CsCheck;
using MultiDc.Grains;
using MultiDc.Server.StateMachine;

namespace MultiDc.Server.Tests.StateMachine;

public sealed class KeyValueReaderTests
{
    // Bytes that are edges somewhere: least, greatest, and the prefixes of the row kinds.
    private static readonly Gen<byte> EdgeByte = Gen.Int[0, 6].Select(static i => new byte[] { 0x00, 0x01, 0x10, 0x11, 0x20, 0xFE, 0xFF }[i]);
    private static readonly Gen<byte[]> Key = EdgeByte.Array[1, 4];

    [Fact]
    public void Pages_together_are_the_keys_with_the_prefix_in_order() =>
        Gen.Select(Key.Array[0, 30], EdgeByte.Array[0, 3], Gen.Int[1, 5]).Sample(
            static (keys, prefix, pageEntries) =>
            {
                var machine = Filled(keys);
                var found = new List<string>();
                ReadOnlyMemory<byte>? after = null;
                while (true)
                {
                    var page = Scan(machine, prefix, after, pageEntries);
                    Assert.InRange(page.Entries.Count, page.HasMore ? 1 : 0, pageEntries);
                    found.AddRange(page.Entries.Select(static e => Convert.ToHexString(e.Key.Span)));
                    if (!page.HasMore)
                    {
                        break;
                    }

                    after = page.Entries[^1].Key;
                }

                Assert.Equal(Expected(keys, prefix, null), found);
            },
            iter: 400);

    [Fact]
    public void After_may_be_any_key_inside_or_outside_of_the_prefix() =>
        Gen.Select(Key.Array[0, 30], EdgeByte.Array[0, 3], EdgeByte.Array[0, 4]).Sample(
            static (keys, prefix, after) =>
            {
                var page = Scan(Filled(keys), prefix, after, 1000);
                Assert.False(page.HasMore);
                Assert.Equal(Expected(keys, prefix, after), page.Entries.Select(static e => Convert.ToHexString(e.Key.Span)));
            },
            iter: 400);

    [Fact]
    public void A_page_is_bounded_by_entries_and_bytes_and_never_empty_when_there_is_more()
    {
        var machine = Filled([.. Enumerable.Range(0, KeyValueReader.MaxPageEntries + 5).Select(static i => System.Text.Encoding.UTF8.GetBytes($"{i:00000}"))]);
        Assert.Single(Scan(machine, [], null, 0).Entries);
        Assert.Single(Scan(machine, [], null, -5).Entries);
        var page = Scan(machine, [], null, int.MaxValue);
        Assert.Equal((KeyValueReader.MaxPageEntries, true), (page.Entries.Count, page.HasMore));

        var large = new Machine();
        var session = large.Apply(OpenSessionCommand.Instance).Session!.Value;
        for (var i = 1UL; i <= 6; i++)
        {
            large.Apply(new WriteCommand(session, new(i), new PutOperation(new[] { (byte)i }, new byte[100 * 1024])));
        }

        page = Scan(large, [], null, 1000);
        Assert.Equal((3, true), (page.Entries.Count, page.HasMore));
        page = Scan(large, [], page.Entries[^1].Key, 1000);
        Assert.Equal((3, false), (page.Entries.Count, page.HasMore));
    }

    private static ScanReply Scan(Machine machine, byte[] prefix, ReadOnlyMemory<byte>? after, int maxEntries) =>
        KeyValueReader.ScanAsync(machine.State, new(prefix, after, maxEntries, TimeSpan.Zero)).AsTask().Result;

    private static Machine Filled(byte[][] keys)
    {
        var machine = new Machine();
        var session = machine.Apply(OpenSessionCommand.Instance).Session!.Value;
        machine.Apply(keys.Select((key, i) => new WriteCommand(session, new((ulong)i + 1), new PutOperation(key, "v"u8.ToArray()))).Append(null as KeyValueCommand));
        return machine;
    }

    private static IEnumerable<string> Expected(byte[][] keys, byte[] prefix, byte[]? after) =>
        keys.Where(key => key.AsSpan().StartsWith(prefix) && (after is null || key.AsSpan().SequenceCompareTo(after) > 0))
            .Select(static key => Convert.ToHexString(key)).Distinct().Order(StringComparer.Ordinal);
}
