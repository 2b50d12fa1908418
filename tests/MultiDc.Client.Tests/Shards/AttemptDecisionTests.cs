using MultiDc.Routing.Shards;

namespace MultiDc.Client.Tests.Shards;

public sealed class AttemptDecisionTests
{
    [Theory]
    [InlineData(RejectionReason.NotLeader, nameof(AttemptAction.TryNext))]
    [InlineData(RejectionReason.NotReady, nameof(AttemptAction.TryNext))]
    [InlineData(RejectionReason.StoreFull, nameof(AttemptAction.TryNext))]
    [InlineData(RejectionReason.Unavailable, nameof(AttemptAction.TryNext))]
    [InlineData(RejectionReason.Overloaded, nameof(AttemptAction.BackOff))]
    [InlineData(RejectionReason.WrongShard, nameof(AttemptAction.Return))]
    [InlineData(RejectionReason.PreconditionFailed, nameof(AttemptAction.Return))]
    [InlineData(RejectionReason.InvalidArgument, nameof(AttemptAction.Return))]
    [InlineData(RejectionReason.NotAnInteger, nameof(AttemptAction.Return))]
    [InlineData(RejectionReason.OutOfRange, nameof(AttemptAction.Return))]
    [InlineData(RejectionReason.FencingTokenStale, nameof(AttemptAction.Return))]
    [InlineData(RejectionReason.LimitReached, nameof(AttemptAction.Return))]
    [InlineData(RejectionReason.UnknownKeyspace, nameof(AttemptAction.Return))]
    [InlineData(RejectionReason.UnknownDatacenter, nameof(AttemptAction.Return))]
    public void A_rejection_has_one_action_whatever_came_before(RejectionReason reason, string action)
    {
        Assert.Equal(action, AttemptDecision.Decide(new Rejected(reason, ""), mayHaveHappened: false).ToString());
        Assert.Equal(action, AttemptDecision.Decide(new Rejected(reason, ""), mayHaveHappened: true).ToString());
    }

    [Fact]
    public void An_expired_session_is_opened_anew_only_when_nothing_can_have_happened()
    {
        var expired = new Rejected(RejectionReason.SessionExpired, "");
        Assert.Equal(AttemptAction.ReopenSession, AttemptDecision.Decide(expired, mayHaveHappened: false));
        Assert.Equal(AttemptAction.Return, AttemptDecision.Decide(expired, mayHaveHappened: true));
        Assert.IsType<Unknown>(AttemptDecision.Conclude(expired, mayHaveHappened: true));
    }

    [Fact]
    public void Applied_returns_and_unknown_goes_on()
    {
        Assert.Equal(AttemptAction.Return, AttemptDecision.Decide(new Applied(new(1)), mayHaveHappened: true));
        Assert.Equal(AttemptAction.TryNext, AttemptDecision.Decide(new Unknown(""), mayHaveHappened: false));
    }

    [Fact]
    public void Unknown_never_becomes_a_rejection_but_by_the_word_of_the_state_machine()
    {
        foreach (var reason in Enum.GetValues<RejectionReason>())
        {
            var concluded = AttemptDecision.Conclude(new Rejected(reason, "why"), mayHaveHappened: true);
            if (reason is RejectionReason.PreconditionFailed or RejectionReason.NotAnInteger or RejectionReason.OutOfRange or RejectionReason.FencingTokenStale or RejectionReason.LimitReached or RejectionReason.LeaseNotFound)
            {
                Assert.IsType<Rejected>(concluded);
            }
            else
            {
                Assert.Contains("why", Assert.IsType<Unknown>(concluded).Detail);
            }
        }

        Assert.IsType<Unknown>(AttemptDecision.Conclude(new Unknown(""), mayHaveHappened: true));
        Assert.IsType<Applied>(AttemptDecision.Conclude(new Applied(new(1)), mayHaveHappened: true));
    }

    [Fact]
    public void What_never_happened_is_rejected_with_its_reason_and_a_missing_leader_is_unavailability()
    {
        foreach (var reason in Enum.GetValues<RejectionReason>())
        {
            var concluded = Assert.IsType<Rejected>(AttemptDecision.Conclude(new Rejected(reason, "why"), mayHaveHappened: false));
            Assert.Equal(reason == RejectionReason.NotLeader ? RejectionReason.Unavailable : reason, concluded.Reason);
        }
    }
}
