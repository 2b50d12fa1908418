// Each test here brings up whole datacenters; two cores are little.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
