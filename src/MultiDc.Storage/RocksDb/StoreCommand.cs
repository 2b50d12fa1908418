namespace MultiDc.Storage;

/// <summary>
/// Something that waits for the committer. Staged in call order, each on top of what the earlier ones decided; answered in the same
/// order once the batch is durable.
/// </summary>
internal abstract class StoreCommand
{
    private Exception? refusal;

    /// <summary>Whether it is refused while the disk is full. What frees space or fences is not.</summary>
    public abstract bool NeedsSpace { get; }

    public virtual int SizeBytes => 64;

    /// <summary>Puts its changes into the batch, or nothing and throws.</summary>
    public abstract void Stage(CommitBatch batch);

    /// <summary>Its batch can be read from the database, durable or not yet. Called on the committer's thread.</summary>
    public virtual void Written()
    {
    }

    /// <summary>Why it was not put into the batch, told to the caller in its turn.</summary>
    public void Refuse(Exception exception) => refusal = exception;

    /// <summary>Answers: the batch it is in is durable, or it was refused.</summary>
    public void Answer()
    {
        if (refusal is null)
        {
            Succeed();
        }
        else
        {
            Fail(refusal);
        }
    }

    /// <summary>Answers with an error.</summary>
    public abstract void Fail(Exception exception);

    protected abstract void Succeed();
}

/// <summary>A command whose caller waits for a result.</summary>
internal abstract class StoreCommand<T> : StoreCommand
{
    // Continuations are the caller's code and must not run on the store's threads.
    private readonly TaskCompletionSource<T> answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task<T> Task => answer.Task;

    public override void Fail(Exception exception)
    {
        if (answer.TrySetException(exception))
        {
            // A caller that gave up waiting must not turn this into an unobserved exception.
            _ = answer.Task.Exception;
        }
    }

    protected override void Succeed() => answer.TrySetResult(Result());

    protected abstract T Result();
}
