namespace MultiDc.Server.StateMachine;

/// <summary>Heads of entries, from memory where they are there.</summary>
internal sealed partial class KeyValueStateMachine
{
    // As the entries are in the store: never ahead of it, because of a batch that could not be applied nothing is noted.
    private readonly EntryHeads heads = new(headBudget);

    /// <summary>Gives back the memory of heads that may not be needed soon.</summary>
    public void ForgetHeads() => heads.Clear();

    private ValueTask<EntryHead?> HeadAsync(ReadOnlyMemory<byte> row)
    {
        if (batch.TryGetValue(row, out var value) || changed.TryGetValue(row, out value))
        {
            return new(value is { } bytes ? StateRows.DecodeHead(bytes.Span) : null);
        }

        return heads.TryGet(row, out var head) ? new(head) : ReadAsync();

        async ValueTask<EntryHead?> ReadAsync()
        {
            if (await state.GetAsync(row) is not { } stored)
            {
                return null;
            }

            var read = StateRows.DecodeHead(stored.Span);
            heads.Set(row, read);
            return read;
        }
    }

    private void NoteHeads()
    {
        foreach (var (row, value) in changed)
        {
            if (row.Span[0] != StateRows.EntryPrefix)
            {
                continue;
            }

            if (value is { } bytes)
            {
                heads.Set(row, StateRows.DecodeHead(bytes.Span));
            }
            else
            {
                heads.Remove(row);
            }
        }
    }
}
