// Runs a persister on a reactor: the frame around its start and its end.
#pragma once

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <exception>
#include <future>

#include "runtime/reactor.h"
#include "sv_persist/persister.h"

namespace simplechat::apps {

class Consumer {
 public:
  Consumer(runtime::Reactor& reactor, chat::MessageSource& source, chat::MessageStore& store, sv_persist::Probe& probe)
      : reactor_(reactor), persister_(reactor.executor(), source, store, probe) {}

  // Before the reactors run.
  void start() {
    boost::asio::co_spawn(
        reactor_.executor(), persister_.run(),
        boost::asio::bind_cancellation_slot(cancel_.slot(), [this](const std::exception_ptr&) { ended_.set_value(); }));
  }

  // Lets the batch under way be stored and settled, and takes no other. Blocks; not from a reactor's thread.
  void stop() {
    reactor_.post([this] {
      persister_.stop();
      cancel_.emit(boost::asio::cancellation_type::terminal);  // a receive() that waits
    });
    ended_.get_future().get();
    boost::asio::co_spawn(reactor_.executor(), persister_.finish(), boost::asio::use_future).get();
  }

 private:
  runtime::Reactor& reactor_;
  sv_persist::Persister persister_;
  boost::asio::cancellation_signal cancel_;
  std::promise<void> ended_;
};

}  // namespace simplechat::apps
