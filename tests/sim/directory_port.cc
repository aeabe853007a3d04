#include "directory_port.h"

#include <utility>

namespace simplechat::sim {

Task<Result<chat::LeaseState>> DirectoryPort::renew(const chat::GatewayIdentity& gateway, milliseconds lease) {
  return service_.world().call<chat::LeaseState>(
      process_, kPart, kDeadline, [&service = service_, gateway, lease]() -> Task<Result<chat::LeaseState>> {
        const auto records = service.records();
        auto state = co_await records->renew(gateway, lease);
        if (service.world().mutated(Mutation::own_clocks)) state->now = 0;
        if (service.world().mutated(Mutation::untold_deaths)) state->deaths = 0;
        const bool anew = service.opened_anew(gateway.incarnation, state->opening);
        service.world().trace(gateway.incarnation, anew ? "renewed anew" : "renewed");
        co_return state;
      });
}

Task<Result<chat::Timestamp>> DirectoryPort::apply(const chat::GatewayIdentity& gateway,
                                                   std::span<const chat::RecordChange> changes) {
  return service_.world().call<chat::Timestamp>(
      process_, kPart, kDeadline,
      [&service = service_, gateway, copy = std::vector<chat::RecordChange>(changes.begin(), changes.end())]() mutable
          -> Task<Result<chat::Timestamp>> {
        for (chat::RecordChange& change : copy) {
          if (service.world().mutated(Mutation::unfenced_delete)) change.fence = service.next_fence();
          service.world().trace(gateway.incarnation, change.present ? "recorded" : "released", change.user);
        }
        const auto records = service.records();
        const auto now = co_await records->apply(gateway, copy);
        co_return service.world().mutated(Mutation::own_clocks) ? Result<chat::Timestamp>(0) : now;
      });
}

Task<Result<chat::Locations>> DirectoryPort::locate(std::span<const std::string> users) {
  return service_.world().call<chat::Locations>(
      process_, kPart, kDeadline,
      [&service = service_,
       copy = std::vector<std::string>(users.begin(), users.end())]() -> Task<Result<chat::Locations>> {
        const auto records = service.records();
        co_return co_await records->locate(copy);
      });
}

Task<Result<void>> DirectoryPort::close(const chat::GatewayIdentity& gateway) {
  return service_.world().call<void>(process_, kPart, kDeadline,
                                     [&service = service_, gateway]() -> Task<Result<void>> {
                                       const auto records = service.records();
                                       co_return co_await records->close(gateway);
                                     });
}

}  // namespace simplechat::sim
