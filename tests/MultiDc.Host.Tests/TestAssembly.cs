// Silos of one test class start while those of others stop; two cores are little, and the environment variables are everyone's.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
