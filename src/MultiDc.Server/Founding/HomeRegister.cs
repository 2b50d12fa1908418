namespace MultiDc.Server.Founding;

/// <summary>
/// The register of homes in the ring's shard. Whoever is the home of a replica stays it until its store is <em>retired</em>; then the next that asks
/// takes its place, by compare-and-set, so of many one. A store is retired when a new one comes under the name of its silo and no silo of the
/// datacenter has it: its folder was wiped, or its disk exchanged. That is a guess, and may be one: a replacement has a Raft id of its own, so a
/// store that was retired in error loses its place, and nobody an acknowledged write.
/// <code>
/// home/REPLICA            the replica's home                      claimed once, replaced when retired
/// silo/DATACENTER/NAME    the store that the silo had last        by a store that is new
/// owner/STORE             the silo that had the store last
/// retired/STORE           the store that came in its place        written once
/// </code>
/// Each step may be repeated, and done by others, after a crash at any point. Of the replicas that a shard has in a datacenter each has another home: that
/// the others' are not the asking store is a condition of the very write that names it.
/// </summary>
internal sealed class HomeRegister(IRingRecords ring)
{
    /// <summary>The replica's home; null when none is named.</summary>
    /// <exception cref="RingUnavailableException">The ring's shard does not answer now.</exception>
    public async Task<ReplicaHome?> GetHomeAsync(string replica) => await ring.GetAsync(HomeKey(replica)) is { } bytes ? ReplicaHome.Deserialize(bytes) : null;

    /// <summary>Makes the store the replica's home unless another is that was not retired.</summary>
    /// <param name="replica">The replica.</param>
    /// <param name="storeId">The store that asks.</param>
    /// <param name="mayFound">Whether it may become the first home.</param>
    /// <param name="apartFrom">The other replicas of the shard in the datacenter: the home of one of them is not named, and null returned.</param>
    /// <returns>The home; null when there is none, or it could not be told now.</returns>
    /// <exception cref="RingUnavailableException">The ring's shard does not answer now.</exception>
    public async Task<ReplicaHome?> ClaimAsync(string replica, Guid storeId, bool mayFound, IReadOnlyCollection<string> apartFrom)
    {
        var before = await ring.GetAsync(HomeKey(replica));
        var home = before is { } bytes ? ReplicaHome.Deserialize(bytes) : null;
        if (home is null ? !mayFound : home.StoreId == storeId || !await IsRetiredAsync(home.StoreId) || await IsRetiredAsync(storeId))
        {
            return home;
        }

        var others = new List<KeyValuePair<string, ReadOnlyMemory<byte>?>>();
        foreach (var other in apartFrom)
        {
            var record = await ring.GetAsync(HomeKey(other));
            if (record is { } named && ReplicaHome.Deserialize(named).StoreId == storeId)
            {
                return null;
            }

            others.Add(new(HomeKey(other), record));
        }

        // Of all who read the same, one writes. What became of any other, the next attempt reads.
        var next = new ReplicaHome(storeId, home is null ? 0 : home.Generation + 1);
        return await ring.TryReplaceAsync(HomeKey(replica), before, next.Serialize(), others) ? next : null;
    }

    /// <summary>A silo says which store it has.</summary>
    /// <param name="silo">Its name, with its datacenter.</param>
    /// <param name="storeId">The store.</param>
    /// <param name="isNew">Whether the store was never registered: only such a one is what came after a loss.</param>
    /// <param name="mayBeThere">Whether any silo of the datacenter may have a store.</param>
    /// <returns>Whether there is nothing more to do.</returns>
    /// <exception cref="RingUnavailableException">The ring's shard does not answer now.</exception>
    public async Task<bool> RegisterAsync(string silo, Guid storeId, bool isNew, Func<Guid, Task<bool>> mayBeThere)
    {
        if (await IsRetiredAsync(storeId))
        {
            return true;
        }

        var owner = System.Text.Encoding.UTF8.GetBytes(silo);
        if (!await PutAsync($"owner/{storeId}", owner))
        {
            return false;
        }

        var key = $"silo/{silo}";
        var last = await ring.GetAsync(key) is { } bytes ? new Guid(bytes.Span) : storeId;

        // One that came in the place of another may have been lost before the silo's record named it. One that moved on to another silo is
        // not lost.
        while (isNew && last != storeId && await ring.GetAsync($"owner/{last}") is { } lastOwner && lastOwner.Span.SequenceEqual(owner))
        {
            if (await ring.GetAsync(RetiredKey(last)) is { } successor)
            {
                last = new(successor.Span);
            }
            else if (await mayBeThere(last) || !await ring.TryReplaceAsync(RetiredKey(last), null, storeId.ToByteArray()))
            {
                return false;
            }
            else
            {
                break;
            }
        }

        return await PutAsync(key, storeId.ToByteArray());
    }

    private async Task<bool> IsRetiredAsync(Guid storeId) => await ring.GetAsync(RetiredKey(storeId)) is not null;

    private async Task<bool> PutAsync(string key, ReadOnlyMemory<byte> value)
    {
        var before = await ring.GetAsync(key);
        return (before is { } bytes && bytes.Span.SequenceEqual(value.Span)) || await ring.TryReplaceAsync(key, before, value);
    }

    private static string HomeKey(string replica) => $"home/{replica}";

    private static string RetiredKey(Guid storeId) => $"retired/{storeId}";
}
