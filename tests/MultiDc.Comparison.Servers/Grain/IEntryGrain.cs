namespace MultiDc.Comparison.Servers.Grain;

/// <summary>One key, which is the grain's.</summary>
[Alias("MultiDc.Comparison.IEntryGrain")]
internal interface IEntryGrain : IGrainWithStringKey
{
    /// <summary>Sets the value; done when the database has committed it.</summary>
    [Alias("Put")]
    Task PutAsync(byte[] value);

    /// <summary>The value; null: there is none.</summary>
    [Alias("Get")]
    Task<byte[]?> GetAsync();

    /// <summary>Does nothing.</summary>
    [Alias("Ping")]
    Task PingAsync();
}
