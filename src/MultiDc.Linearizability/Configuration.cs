namespace MultiDc.Linearizability;

/// <summary>Where the parts of a configuration lie in its words. See <see cref="RegisterSearch"/> for what they mean.</summary>
/// <remarks>
/// Word 0: the number of operations that have returned, and the register. Then three bit sets: the open operations that are placed, the
/// open writes that may have gone unseen, and the unanswered writes that are spent. The bit after the last unanswered write says that the
/// last write still has to be seen: counted among the spent it makes "spends less" mean "is bound by less".
/// </remarks>
internal readonly struct ConfigurationLayout(int slots, int unanswered)
{
    private readonly int _slotWords = Words(slots);

    public const int Placed = 1;

    public int Unseen => 1 + _slotWords;

    public int Spent => 1 + (2 * _slotWords);

    public int MustBeSeenBit => unanswered;

    public int Length => Spent + Words(unanswered + 1);

    private static int Words(int bits) => (bits + 63) / 64;
}

/// <summary>One configuration of the search, as words that another owns.</summary>
internal readonly ref struct Configuration(Span<ulong> words, ConfigurationLayout layout)
{
    private readonly Span<ulong> _words = words;
    private readonly ConfigurationLayout _layout = layout;

    public int Returned
    {
        get => (int)(_words[0] >> 32);
        set => _words[0] = (uint)_words[0] | ((ulong)value << 32);
    }

    public int State
    {
        get => (int)(uint)_words[0];
        set => _words[0] = (_words[0] >> 32 << 32) | (uint)value;
    }

    public bool MustBeSeen
    {
        get => IsSpent(_layout.MustBeSeenBit);
        set => Set(_layout.Spent, _layout.MustBeSeenBit, value);
    }

    public bool IsPlaced(int slot) => Get(ConfigurationLayout.Placed, slot);

    public void Place(int slot)
    {
        Set(ConfigurationLayout.Placed, slot, true);
        Set(_layout.Unseen, slot, false);
    }

    public bool MayBeUnseen(int slot) => Get(_layout.Unseen, slot);

    public void AllowUnseen(int slot) => Set(_layout.Unseen, slot, !IsPlaced(slot));

    public void Release(int slot)
    {
        Set(ConfigurationLayout.Placed, slot, false);
        Set(_layout.Unseen, slot, false);
    }

    public bool IsSpent(int unanswered) => Get(_layout.Spent, unanswered);

    public void Spend(int unanswered) => Set(_layout.Spent, unanswered, true);

    private bool Get(int part, int bit) => (_words[part + (bit >> 6)] & (1UL << bit)) != 0;

    private void Set(int part, int bit, bool value)
    {
        ref var word = ref _words[part + (bit >> 6)];
        word = value ? word | (1UL << bit) : word & ~(1UL << bit);
    }
}
