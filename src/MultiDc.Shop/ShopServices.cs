namespace MultiDc.Shop;

/// <summary>What the shop is made of, the way to MultiDc left out.</summary>
internal static class ShopServices
{
    public static IServiceCollection AddShop(this IServiceCollection services)
    {
        services.AddOptions<ShopOptions>().BindConfiguration("Shop")
            .Validate(static options => Names.IsKeyspace(options.Keyspace), $"Shop:Keyspace is no keyspace name: {Names.Rule}")
            .Validate(static options => options.Patience > TimeSpan.Zero, "Shop:Patience must be longer than nothing")
            .ValidateOnStart();
        services.AddSingleton<ShopStore>();
        services.AddProblemDetails();
        services.AddValidation();
        services.AddExceptionHandler<ProblemHandler>();

        // Otherwise only development tells what is wrong with a request.
        services.Configure<RouteHandlerOptions>(static routes => routes.ThrowOnBadRequest = true);
        return services;
    }
}
