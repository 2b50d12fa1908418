using Microsoft.Extensions.Time.Testing;
using MultiDc.Routing.Links;

namespace MultiDc.Client.Tests;

public sealed class GatewayChoiceTests
{
    private readonly FakeTimeProvider time = new();
    private readonly GatewayChoice choice;
    private readonly HashSet<int> up = [0, 1, 2];
    private readonly HashSet<int> reached = [];

    public GatewayChoiceTests() => choice = new(3, time);

    [Fact]
    public void A_gateway_is_used_until_it_answers_no_pings_and_then_the_next_one_for_good()
    {
        Assert.Equal(0, Choose());
        up.Remove(0);
        Assert.Equal(1, Choose());
        up.Add(0);
        Assert.Equal(1, Choose());
        up.Remove(1);
        up.Remove(2);
        Assert.Equal(0, Choose());
    }

    [Fact]
    public void When_none_answers_one_that_was_reached_before_is_used()
    {
        up.Clear();
        Assert.Equal(0, Choose());
        reached.Add(2);
        Assert.Equal(2, Choose());
    }

    [Fact]
    public void One_that_answers_pings_but_leaves_calls_unanswered_is_left()
    {
        Assert.Equal(0, Choose());
        time.Advance(TimeSpan.FromSeconds(10));

        // Calls that are under way when it is left end late, and are not the next one's fault.
        Assert.Equal([8], Enumerable.Range(1, 100).Where(_ => choice.NoteUnanswered(up.Contains)));
        Assert.Equal(1, Choose());
        time.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal([8], Enumerable.Range(1, 100).Where(_ => choice.NoteUnanswered(up.Contains)));
        Assert.Equal(2, Choose());
    }

    [Fact]
    public void With_nowhere_else_to_go_it_is_kept()
    {
        up.IntersectWith([0]);
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.DoesNotContain(true, Enumerable.Range(1, 100).Select(_ => choice.NoteUnanswered(up.Contains)));
        Assert.Equal(0, Choose());
    }

    private int Choose() => choice.Choose(up.Contains, reached.Contains);
}
