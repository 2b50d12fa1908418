using CsCheck;

namespace MultiDc.Client.Tests.Watching;

public sealed class WatchTokenTests
{
    [Fact]
    public void The_text_is_pinned()
    {
        Assert.Equal("w1:default:8:3=120:e03e2bc7", WatchToken.OfShard("default", 8, 3, new(120)).ToString());
        Assert.Equal("w1:my.orders:3:0=1,1=18446744073709551615,2=0:4f0a116c", WatchToken.OfAllShards("my.orders", [new(1), new(ulong.MaxValue), new(0)]).ToString());
    }

    [Fact]
    public void Text_and_back() => Gen.Select(Gen.Int[1, 20], Gen.ULong.Array[20], Gen.Int[0, 19], Gen.Bool).Sample(static (count, values, shard, isOne) =>
    {
        shard %= count;
        var token = isOne ? WatchToken.OfShard("k", count, shard, new(values[shard])) : WatchToken.OfAllShards("k", values.Take(count).Select(static v => new Revision(v)));
        var read = WatchToken.Parse(token.ToString());
        Assert.Equal(token, read);
        Assert.Equal((token.Keyspace, token.ShardCount, token.IsOfAllShards), (read.Keyspace, read.ShardCount, read.IsOfAllShards));
        Assert.Equal(token.Shards, read.Shards);
        Assert.Equal(values[shard], read.RevisionOf(shard)!.Value.Value);
        Assert.Equal(7UL, read.With(shard, new(7)).RevisionOf(shard)!.Value.Value);
        Assert.Equal(isOne && count > 1, read.RevisionOf((shard + 1) % count) is null);
    });

    [Fact]
    public void No_character_can_be_changed_and_none_lost()
    {
        var text = WatchToken.OfAllShards("orders", [new(12), new(345), new(6)]).ToString();
        for (var i = 0; i < text.Length; i++)
        {
            Assert.False(WatchToken.TryParse(text.Remove(i, 1), out _), text.Remove(i, 1));
            foreach (var other in "0127a:,=- ")
            {
                var changed = $"{text[..i]}{other}{text[(i + 1)..]}";
                Assert.Equal(changed == text, WatchToken.TryParse(changed, out _));
            }
        }
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("now")]
    [InlineData("w2:default:8:3=120:00000000")]
    [InlineData("w1:default:8::00000000")]
    public void What_is_no_token_is_refused(string? text)
    {
        Assert.False(WatchToken.TryParse(text, out _));
        if (text is not null)
        {
            Assert.Throws<FormatException>(() => WatchToken.Parse(text));
        }
    }
}
