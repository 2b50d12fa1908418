using System.Diagnostics.Metrics;

namespace MultiDc.Server.Tests.Replication;

/// <summary>Adds up what one instrument of meters that it made was told.</summary>
internal sealed class CountedMeter : IDisposable
{
    private readonly MeterListener listener = new();
    private readonly MeterFactory factory = new();
    private long sum;

    public CountedMeter(string instrument)
    {
        listener.InstrumentPublished = (published, to) =>
        {
            if (published.Name == instrument && factory.Made.Contains(published.Meter))
            {
                to.EnableMeasurementEvents(published);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref sum, value));
        listener.Start();
    }

    public IMeterFactory Factory => factory;

    public long Sum => Interlocked.Read(ref sum);

    public void Dispose()
    {
        listener.Dispose();
        factory.Dispose();
    }

    private sealed class MeterFactory : IMeterFactory
    {
        public List<Meter> Made { get; } = [];

        public Meter Create(MeterOptions options)
        {
            var meter = new Meter(options);
            Made.Add(meter);
            return meter;
        }

        public void Dispose() => Made.ForEach(static meter => meter.Dispose());
    }
}
