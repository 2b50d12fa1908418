namespace MultiDc.Raft;

/// <summary>
/// Bytes that are not what they should be: truncated, of an unknown version, with a wrong checksum, or saying the impossible. The only
/// exception a decoder throws, whatever the input; no input makes a decoder allocate more than a small multiple of its own length.
/// </summary>
public sealed class CodecException(string message) : Exception(message);
