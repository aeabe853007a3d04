#include "runtime/signals.h"

#include <pthread.h>
#include <sys/resource.h>

#include <cerrno>
#include <system_error>

namespace simplechat::runtime {

StopSignal::StopSignal() {
  sigemptyset(&signals_);
  sigaddset(&signals_, SIGTERM);
  sigaddset(&signals_, SIGINT);
  sigaddset(&signals_, SIGHUP);
  struct sigaction hangup{};
  if (sigaction(SIGHUP, nullptr, &hangup) != 0) {
    throw std::system_error(errno, std::generic_category(), "look up SIGHUP");
  }
  hangup_ignored_ = hangup.sa_handler == SIG_IGN;
  const int error = pthread_sigmask(SIG_BLOCK, &signals_, nullptr);
  if (error != 0) throw std::system_error(error, std::generic_category(), "block signals");
  if (std::signal(SIGPIPE, SIG_IGN) == SIG_ERR)
    throw std::system_error(errno, std::generic_category(), "ignore SIGPIPE");
}

int StopSignal::wait() {
  for (;;) {
    int signal = 0;
    const int error = sigwait(&signals_, &signal);
    if (error != 0) throw std::system_error(error, std::generic_category(), "wait for a signal");
    if (signal == SIGHUP && reload_) {
      reload_();
    } else if (signal != SIGHUP || !hangup_ignored_) {
      pthread_sigmask(SIG_UNBLOCK, &signals_, nullptr);
      return signal;
    }
  }
}

std::size_t raise_open_files_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) throw std::system_error(errno, std::generic_category(), "getrlimit");
  rlimit raised = limit;
  raised.rlim_cur = raised.rlim_max;
  return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace simplechat::runtime
