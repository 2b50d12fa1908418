using System.Collections.Immutable;
using System.Threading.Channels;
using MultiDc.Routing.Links;
using MultiDc.Server.Trust;

namespace MultiDc.Server.Transport;

/// <summary>
/// What this silo's replicas say to those of one datacenter. Frames that come while others are on their way, or while the pumps' threads are
/// busy, travel together. Bounded on both sides: what waits, and what was sent and not confirmed. When both are full, because the datacenter
/// is away or slower than what is said to it, frames are dropped; Raft says it again.
/// </summary>
internal sealed partial class DatacenterOutbox : IDisposable
{
    private readonly IDatacenterLink link;
    private readonly SiloCredential credential;
    private readonly OutboxOptions options;
    private readonly TimeProvider time;
    private readonly ReplicaMetrics metrics;
    private readonly ILogger logger;
    private readonly KeyValuePair<string, object?> tag;
    private readonly Channel<ReplicaFrame> waiting;
    private readonly int confirmEvery;
    private readonly SemaphoreSlim window;
    private readonly CancellationTokenSource stopping = new();
    private long waitingBytes;

    /// <param name="link">The way to the datacenter.</param>
    /// <param name="credential">What this silo shows.</param>
    /// <param name="options">The bounds.</param>
    /// <param name="scheduler">Where sending runs: beside the pumps, away from the grains.</param>
    /// <param name="time">Timeouts.</param>
    /// <param name="metrics">What was sent and dropped.</param>
    /// <param name="logger">Parcels that were not confirmed.</param>
    public DatacenterOutbox(
        IDatacenterLink link, SiloCredential credential, OutboxOptions options, TaskScheduler scheduler, TimeProvider time, ReplicaMetrics metrics, ILogger logger)
    {
        this.link = link;
        this.credential = credential;
        this.options = options;
        this.time = time;
        this.metrics = metrics;
        this.logger = logger;
        tag = new("datacenter", link.Datacenter.Value);
        confirmEvery = Math.Min(options.ConfirmEvery, options.MaxParcelsInFlight);
        window = new(options.MaxParcelsInFlight / confirmEvery);
        waiting = Channel.CreateBounded<ReplicaFrame>(new BoundedChannelOptions(options.MaxWaitingFrames) { SingleReader = true });
        Completion = Task.Factory.StartNew(RunAsync, CancellationToken.None, TaskCreationOptions.DenyChildAttach, scheduler).Unwrap();
    }

    /// <summary>Ends after <see cref="Dispose"/>.</summary>
    public Task Completion { get; }

    /// <summary>Takes the frame along, or drops it.</summary>
    public void Add(ReplicaFrame frame)
    {
        if (Interlocked.Add(ref waitingBytes, frame.Messages.Length) > options.MaxWaitingBytes || !waiting.Writer.TryWrite(frame))
        {
            Interlocked.Add(ref waitingBytes, -frame.Messages.Length);
            metrics.FramesDropped.Add(1, tag);
        }
    }

    /// <summary>Sends no more.</summary>
    public void Dispose()
    {
        waiting.Writer.TryComplete();
        stopping.Cancel();
    }

    private async Task RunAsync()
    {
        try
        {
            for (var parcels = 0L; await waiting.Reader.WaitToReadAsync(stopping.Token); parcels++)
            {
                // A group takes its place with its first parcel and leaves it when its last one is confirmed.
                if (parcels % confirmEvery == 0)
                {
                    await window.WaitAsync(stopping.Token);
                }

                _ = SendAsync(TakeParcel(), isConfirmed: parcels % confirmEvery == confirmEvery - 1);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // Disposed of.
        }
    }

    private RaftParcel TakeParcel()
    {
        var frames = ImmutableArray.CreateBuilder<ReplicaFrame>();
        for (var bytes = 0; bytes < options.MaxParcelBytes && waiting.Reader.TryRead(out var frame);)
        {
            bytes += frame.Messages.Length;
            Interlocked.Add(ref waitingBytes, -frame.Messages.Length);
            frames.Add(frame);
        }

        return new(frames.DrainToImmutable());
    }

    private async Task SendAsync(RaftParcel parcel, bool isConfirmed)
    {
        try
        {
            if (!link.TryGetGrain<IRaftReceiverGrain>(link.Datacenter.Value, out var receiver))
            {
                metrics.FramesDropped.Add(parcel.Frames.Length, tag);
            }
            else
            {
                metrics.ParcelsSent.Add(1, tag);
                metrics.FramesSent.Add(parcel.Frames.Length, tag);
                if (isConfirmed)
                {
                    // Nothing answers on a connection that is closed.
                    using var given = CancellationTokenSource.CreateLinkedTokenSource(stopping.Token, link.Lost);
                    await receiver.ReceiveAsync(parcel, credential).WaitAsync(options.ParcelTimeout, time, given.Token);
                }
                else
                {
                    await receiver.ReceiveOneWayAsync(parcel, credential);
                }
            }
        }
        catch (Exception exception)
        {
            // No gateway is up, nothing came back in time, or this silo stops and its links are disposed of before its pumps: loss, which Raft
            // makes good.
            LogNotSent(logger, link.Datacenter, exception.Message);
            if (exception is TimeoutException)
            {
                link.NoteUnanswered();
            }
        }
        finally
        {
            if (isConfirmed)
            {
                window.Release();
            }
        }
    }

    [LoggerMessage(1020, LogLevel.Debug, "Raft messages for datacenter {Datacenter} may be lost: {Reason}")]
    private static partial void LogNotSent(ILogger logger, DatacenterId datacenter, string reason);
}
