namespace MultiDc.Client.Tests;

public sealed class SessionTokenTests
{
    [Fact]
    public void The_text_of_a_token_is_part_of_the_contract()
    {
        var token = SessionToken.Of([new(new("orders", 3), new(9)), new(new("default", 0), new(1)), new(new("orders", 12), new(300))]);
        Assert.Equal("s1.AAdkZWZhdWx0AQABBm9yZGVycwIDCQysAu4bzow", token.ToString());
        Assert.Equal(token, SessionToken.Parse(token.ToString()));
        Assert.Equal("s1.AM9lsD4", SessionToken.Empty.ToString());
        Assert.Equal(SessionToken.Empty, SessionToken.Parse(SessionToken.Empty.ToString()));
    }

    [Fact]
    public void What_is_no_token_is_refused_and_so_is_any_damaged_one()
    {
        var text = SessionToken.Of([new(new("orders", 3), new(9)), new(new("orders", 4), new(ulong.MaxValue))], hasForgotten: true).ToString();
        Assert.True(SessionToken.TryParse(text, out _));
        for (var i = 0; i < text.Length; i++)
        {
            foreach (var other in "sA9_-.= \0é".Where(c => c != text[i]))
            {
                Assert.False(SessionToken.TryParse($"{text[..i]}{other}{text[(i + 1)..]}", out _), $"{other} at {i}");
            }

            Assert.False(SessionToken.TryParse(text[..i], out _));
        }

        foreach (var wrong in new[] { null, "", "s1.", "s2." + text[3..], text + "A", text + "=", " " + text, new string('A', 100_000) })
        {
            Assert.False(SessionToken.TryParse(wrong, out _), wrong);
        }

        Assert.Throws<FormatException>(() => SessionToken.Parse("x"));
    }

    [Fact]
    public void Random_bytes_with_a_right_checksum_are_refused_or_read_as_what_they_say()
    {
        var random = new Random(1);
        for (var i = 0; i < 20_000; i++)
        {
            var content = new byte[random.Next(1, 30)];
            random.NextBytes(content);
            content[0] &= 1;
            if (content.Length > 3 && random.Next(2) == 0)
            {
                (content[1], content[2]) = (1, (byte)'k');
            }

            var text = "s1." + System.Buffers.Text.Base64Url.EncodeToString([.. content, .. System.IO.Hashing.XxHash32.Hash(content)]);
            if (SessionToken.TryParse(text, out var token))
            {
                Assert.Equal(text, token.ToString());
            }
        }
    }

    [Fact]
    public void The_greatest_token_is_within_its_limit_and_an_ordinary_one_fits_a_cookie()
    {
        var greatest = SessionToken.Of(Enumerable.Range(0, SessionToken.MaxShards).Select(static i => KeyValuePair.Create(new ShardId($"{$"k{i:00}".PadRight(Names.MaxLength, 'k')}~{ulong.MaxValue}", 4095), new Revision(ulong.MaxValue))), true);
        Assert.InRange(greatest.ToString().Length, 8200, SessionToken.MaxTextLength);
        Assert.Equal(greatest, SessionToken.Parse(greatest.ToString()));
        var ordinary = SessionToken.Of(Enumerable.Range(0, SessionToken.MaxShards).Select(static i => KeyValuePair.Create(new ShardId("default", 64 * i), new Revision(10_000_000_000))), true);
        Assert.InRange(ordinary.ToString().Length, 1, 700);
    }

    [Fact]
    public void A_token_of_what_cannot_be_is_not_made()
    {
        Assert.Throws<ArgumentException>(() => SessionToken.Of([new(new("Orders", 3), new(9))]));
        Assert.Throws<ArgumentException>(() => SessionToken.Of([new(new("orders", 3), default)]));
        Assert.Throws<ArgumentException>(() => SessionToken.Of([new(new("orders", -1), new(1))]));
        Assert.Throws<ArgumentException>(() => SessionToken.Of([new(new("orders", 4096), new(1))]));
        Assert.Throws<ArgumentException>(() => SessionToken.Of(Enumerable.Range(0, SessionToken.MaxShards + 1).Select(static i => KeyValuePair.Create(new ShardId("k", i), new Revision(1)))));
    }
}
