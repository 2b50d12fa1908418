using System.Numerics;
using MultiDc.Host.Bench;
using MultiDc.Raft;

namespace MultiDc.Host.Tests.Bench;

/// <summary>How keys are chosen, against dumb twins.</summary>
public sealed class KeyChooserTests
{
    private const int Draws = 400_000;

    [Fact]
    public void Zipfian_ranks_come_as_often_as_the_law_says()
    {
        const int items = 50;
        var ranks = new ZipfianRanks(items, ZipfianRanks.Zeta(items));
        var random = new SeededRandomSource(7);
        var counts = new long[items];
        for (var i = 0; i < Draws; i++)
        {
            counts[ranks.Next(random)]++;
        }

        // The dumb twin: shares of 1/rank^theta. The generator is exact for the first two ranks; the others it approximates by a smooth curve.
        var weights = Enumerable.Range(1, items).Select(static rank => 1 / Math.Pow(rank, 0.99)).ToArray();
        var shares = weights.Select(weight => weight / weights.Sum()).ToArray();
        Assert.InRange(counts[0] / (double)Draws, shares[0] * 0.98, shares[0] * 1.02);
        Assert.InRange(counts[1] / (double)Draws, shares[1] * 0.98, shares[1] * 1.02);
        for (var upTo = 5; upTo <= items; upTo += 5)
        {
            var (seen, wanted) = (counts.Take(upTo).Sum() / (double)Draws, shares.Take(upTo).Sum());
            Assert.InRange(seen, wanted - 0.03, wanted + 0.03);
        }

        Assert.All(counts, static count => Assert.NotEqual(0, count));
    }

    [Fact]
    public void The_hash_is_FNV_1a_of_eight_bytes()
    {
        // The dumb twin: numbers without bounds, and the bounds by division.
        foreach (var value in (long[])[0, 1, 2, 255, 256, 9_999_999_999, long.MaxValue])
        {
            var hash = BigInteger.Parse("14695981039346656037");
            foreach (var octet in BitConverter.GetBytes(value))
            {
                hash = BigInteger.Remainder(((hash - (hash % 256)) + ((int)(hash % 256) ^ octet)) * 1_099_511_628_211, BigInteger.Pow(2, 64));
            }

            var signed = hash >= BigInteger.Pow(2, 63) ? hash - BigInteger.Pow(2, 64) : hash;
            Assert.Equal(BigInteger.Abs(signed), ScrambledZipfianKeys.FowlerNollVo(value));
        }
    }

    [Fact]
    public void The_favourite_key_is_where_the_hash_of_the_first_rank_lies_and_has_its_share()
    {
        const int keys = 1_000;
        const double shareOfFirstRank = 1 / 26.46902820178302;
        var counts = Count(KeyChooser.Of(KeyDistribution.Zipfian, keys), keys);
        var favourite = (int)(ScrambledZipfianKeys.FowlerNollVo(0) % keys);
        Assert.Equal(counts.Max(), counts[favourite]);
        Assert.InRange(counts[favourite] / (double)Draws, shareOfFirstRank, shareOfFirstRank + 0.005);

        // Ten thousand million ranks hashed onto a thousand keys: none is left out.
        Assert.All(counts, static count => Assert.NotEqual(0, count));
    }

    [Fact]
    public void Uniform_keys_all_come_as_often()
    {
        const int keys = 100;
        var counts = Count(KeyChooser.Of(KeyDistribution.Uniform, keys), keys);
        Assert.All(counts, static count => Assert.InRange(count, Draws / keys * 0.9, Draws / keys * 1.1));
    }

    [Fact]
    public void The_same_seed_chooses_the_same_keys_and_operations()
    {
        string Of(ulong seed)
        {
            var (random, chooser) = (new SeededRandomSource(seed), KeyChooser.Of(KeyDistribution.Zipfian, 1_000));
            return string.Join(' ', Enumerable.Range(0, 100).Select(_ => $"{Workload.All.First(static w => w.Name == "ycsb-a").Next(random)} {chooser.Next(random)}"));
        }

        Assert.Equal(Of(3), Of(3));
        Assert.NotEqual(Of(3), Of(4));
    }

    [Fact]
    public void A_workload_reads_as_often_as_it_says()
    {
        foreach (var workload in Workload.All)
        {
            var random = new SeededRandomSource(5);
            var kinds = Enumerable.Range(0, 20_000).Select(_ => workload.Next(random)).CountBy(static kind => kind).ToDictionary();
            Assert.InRange(kinds.GetValueOrDefault(workload.Read) / 20_000.0, workload.ReadShare - 0.01, workload.ReadShare + 0.01);
            Assert.Equal(20_000, kinds.GetValueOrDefault(workload.Read) + kinds.GetValueOrDefault(workload.Other));
        }
    }

    private static long[] Count(KeyChooser chooser, int keys)
    {
        var random = new SeededRandomSource(11);
        var counts = new long[keys];
        for (var i = 0; i < Draws; i++)
        {
            counts[chooser.Next(random)]++;
        }

        return counts;
    }
}
