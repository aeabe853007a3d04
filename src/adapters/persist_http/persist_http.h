// chat::MessageReader over sv-persist's HTTP API: how a gateway reads what is stored.
//
// Lives on the reactor whose executor it was given; all calls come from there. Deadline and bounds: HttpClient's.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <span>
#include <string>

#include "chat/message_store.h"
#include "runtime/dependency.h"
#include "runtime/http_client.h"

namespace simplechat::adapters::persist_http {

class PersistHttp final : public chat::MessageReader {
 public:
  // `origin`: http://host[:port] of sv-persist; the cluster secret is `options.bearer_token`. Says in `dependency`,
  // which outlives it and may be shared by reactors, whether sv-persist answers. Throws std::invalid_argument for
  // another origin.
  PersistHttp(boost::asio::any_io_executor executor, std::string origin, runtime::HttpClient::Options options,
              runtime::Dependency& dependency);

  chat::Task<chat::Result<chat::HistoryPage>> history(const chat::HistoryQuery& query) override;
  chat::Task<chat::Result<chat::ConversationsPage>> conversations(const chat::ConversationsQuery& query) override;
  chat::Task<chat::Result<chat::SyncPage>> sync(const chat::SyncQuery& query) override;
  chat::Task<chat::Result<bool>> contains_all(std::span<const chat::MessageKey> keys) override;

  // Whether sv-persist answers queries. Called every now and then, it keeps the dependency right without other
  // calls.
  chat::Task<chat::Result<void>> check();

 private:
  // The body of a successful answer. Error: bad_frame as sv-persist says it; unavailable for everything else.
  chat::Task<chat::Result<std::string>> call(runtime::HttpRequest request);
  template <class Answer>
  chat::Task<chat::Result<Answer>> ask(runtime::HttpRequest request, chat::Result<Answer> (*parse)(std::string_view));
  std::unexpected<chat::Error> down(const std::string& reason);

  runtime::HttpClient client_;
  runtime::Dependency& dependency_;
};

}  // namespace simplechat::adapters::persist_http
