using MultiDc.Client.Hosting;
using MultiDc.Routing.Links;
using MultiDc.Shop;

// A shop's stock and carts. The same web app runs in every datacenter; each asks its own datacenter first, and another when that one is gone.
var builder = WebApplication.CreateBuilder(args);
builder.Services.AddMultiDcClient(builder.Configuration);
builder.Services.AddShop();

var app = builder.Build();
app.MapShop();

// The first customer should not be the one who waits for the connections.
_ = app.Services.GetRequiredService<IDatacenterLinks>();
app.Run();
