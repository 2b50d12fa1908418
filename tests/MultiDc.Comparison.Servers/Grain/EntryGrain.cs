namespace MultiDc.Comparison.Servers.Grain;

/// <inheritdoc/>
/// <remarks>As Orleans' documentation has it: persistent state that was read when the grain awoke and is written whole.</remarks>
internal sealed class EntryGrain([PersistentState("entry")] IPersistentState<EntryState> entry) : Orleans.Grain, IEntryGrain
{
    public async Task PutAsync(byte[] value)
    {
        entry.State.Value = value;
        try
        {
            await entry.WriteStateAsync();
        }
        catch (Exception)
        {
            // What is in memory is not what is stored; the next call reads that.
            DeactivateOnIdle();
            throw;
        }
    }

    public Task<byte[]?> GetAsync() => Task.FromResult(entry.RecordExists ? entry.State.Value : null);

    public Task PingAsync() => Task.CompletedTask;
}

/// <summary>What is stored of a key.</summary>
[GenerateSerializer, Alias("MultiDc.Comparison.EntryState")]
internal sealed class EntryState
{
    [Id(0)]
    public byte[] Value { get; set; } = [];
}
