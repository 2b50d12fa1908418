namespace MultiDc.Grains;

/// <summary>Answers at once, on the silo that a call reaches first: whether a gateway can be reached, and how long that takes.</summary>
[Alias("MultiDc.IPingGrain")]
public interface IPingGrain : IGrainWithStringKey
{
    /// <summary>Returns at once. An exception, or no answer, is the result of interest.</summary>
    [Alias("Ping")]
    Task PingAsync();
}
