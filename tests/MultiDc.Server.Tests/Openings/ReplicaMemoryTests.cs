using System.Text;
using MultiDc.Grains;
using MultiDc.Server.Openings;

namespace MultiDc.Server.Tests.Openings;

public sealed class ReplicaMemoryTests
{
    private const string Json =
        """{"format":1,"storeId":"00000001-0000-0000-0000-000000000000","epoch":5,"openingId":"00000002-0000-0000-0000-000000000000","term":7,"votedFor":2,"lastIndex":12}""";

    private static readonly Guid Store = new(1, 0, 0, new byte[8]);
    private static readonly Guid Known = new(2, 0, 0, new byte[8]);
    private static readonly ReplicaMemory Memory = new(Store, 5, Known, new(7, 2, 12));

    [Theory]
    [InlineData(6, false, 7, 12, "Accepted", "")]
    [InlineData(9, false, 8, 3, "Accepted", "")]
    [InlineData(5, true, 0, 0, "Accepted", "")] // The accepted one again: late or doubled, or its answer was lost.
    [InlineData(5, false, 7, 12, "RolledBack", "another opening 5")]
    [InlineData(5, false, 9, 99, "RolledBack", "another opening 5")]
    [InlineData(4, false, 9, 99, "Superseded", "an opening 5 of its store, this is 4")] // A forerunner of 5 that came late, or a store that forgot 5.
    [InlineData(6, false, 6, 90, "RolledBack", "spoken in term 7")]
    [InlineData(6, false, 7, 11, "RolledBack", "its store has it up to 7/11")]
    public void A_presentation_is_judged_by_what_is_remembered(ulong epoch, bool isKnown, ulong term, ulong last, string verdict, string detail)
    {
        var (judged, why) = Memory.Judge(new(Store, epoch, isKnown ? Known : Guid.NewGuid(), term, term == 7 ? 2UL : 0, term, last));
        Assert.Equal(verdict, judged.ToString());
        Assert.Contains(detail, why);
    }

    [Fact]
    public void Whoever_was_never_heard_of_is_accepted_and_then_remembered()
    {
        var presented = new Presentation(Store, 3, Known, 4, 1, 4, 10);
        Assert.Equal(PresentationVerdict.Accepted, ReplicaMemory.Nothing.Judge(presented).Verdict);
        var after = ReplicaMemory.Nothing.After(presented);

        // The end of its log is not remembered: a leader may yet replace it.
        Assert.Equal(new(Store, 3, Known, new(4, 1, 0)), after);
        Assert.True(after.IsOf(Store, 3, Known));
        Assert.False(after.IsOf(Store, 3, Guid.NewGuid()));
        Assert.False(after.IsOf(Guid.NewGuid(), 3, Known));
        Assert.False(ReplicaMemory.Nothing.IsOf(Guid.Empty, 0, Guid.Empty));
    }

    [Fact]
    public void What_was_heard_before_outlives_a_new_opening() =>
        Assert.Equal(new(7, 2, 12), Memory.After(new(Store, 6, Guid.NewGuid(), 7, 2, 7, 20)).Promises);

    [Fact]
    public void A_stored_memory_keeps_its_text()
    {
        Assert.Equal(Json, Encoding.UTF8.GetString(Memory.Serialize()));
        Assert.Equal(Memory, ReplicaMemory.Deserialize(Encoding.UTF8.GetBytes(Json)));
        Assert.Contains("format 9", Assert.Throws<FormatException>(() => ReplicaMemory.Deserialize(Encoding.UTF8.GetBytes(Json.Replace(":1,", ":9,")))).Message);
        Assert.Throws<FormatException>(() => ReplicaMemory.Deserialize("no json"u8));
        Assert.Throws<FormatException>(() => ReplicaMemory.Deserialize(default));
    }

    [Theory]
    [InlineData("bc", "b+", "Accepted", "")]
    [InlineData("bc", "", "Waiting", "0 of 2 other replicas know this opening; 1 are needed")]
    [InlineData("bc", "b+c c+", "Accepted", "")]
    [InlineData("bc", "b+c", "Waiting", "the leader in datacenter c has not answered")]
    [InlineData("bc", "b+a", "Accepted", "")] // It followed the presented replica's earlier opening.
    [InlineData("bc", "b+b", "Accepted", "")]
    [InlineData("bc", "b+ c-", "Refused", "why")]
    [InlineData("bc", "c!", "Refused", "why")]
    [InlineData("bc", "b?", "Waiting", "0 of 2 other replicas know this opening")]
    [InlineData("bc", "b? c+", "Accepted", "")]
    [InlineData("bc", "b? c?", "Refused", "this store is of another system: why")]
    [InlineData("bcde", "b? c?", "Waiting", "0 of 4")]
    [InlineData("bcde", "b? c? d?", "Refused", "of another system")]
    [InlineData("bcde", "b+", "Waiting", "1 of 4 other replicas know this opening; 2 are needed")]
    [InlineData("bcde", "b+ c+", "Accepted", "")]
    [InlineData("bcde", "b+ c+d", "Waiting", "the leader in datacenter d")]
    [InlineData("bcd", "b+", "Waiting", "2 are needed")]
    [InlineData("b", "", "Waiting", "1 are needed")]
    [InlineData("b", "b+", "Accepted", "")]
    [InlineData("", "", "Accepted", "")]
    public void It_takes_a_majority_with_itself_and_whoever_leads_to_accept_and_one_to_refuse(string others, string answers, string outcome, string detail)
    {
        var given = answers.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToDictionary(
            static a => new ReplicaPlace(new(a[..1])),
            static a => new PresentationReply(
                Guid.Empty,
                a[1] switch
                {
                    '+' => PresentationVerdict.Accepted,
                    '-' => PresentationVerdict.RolledBack,
                    '?' => PresentationVerdict.Foreign,
                    _ => PresentationVerdict.NotTheHome,
                },
                a[1] == '+' ? "" : "why",
                a.Length > 2 ? new DatacenterId(a[2..]) : null));
        var (judged, why) = PresentationAnswers.Judge([.. others.Select(static c => new ReplicaPlace(new(c.ToString())))], given);
        Assert.Equal(outcome, judged.ToString());
        Assert.Contains(detail, why);
    }
}
