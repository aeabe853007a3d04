// What a process settles with its system at start: how it is told to stop or to read its files again, and how many
// files it may open.
#pragma once

#include <csignal>
#include <cstddef>
#include <functional>
#include <utility>

namespace simplechat::runtime {

// Made first in main(), before any thread is started: SIGTERM, SIGINT and SIGHUP are blocked in this thread and in
// those that it starts, and only wait() takes them. SIGPIPE is ignored: a peer that is gone is an error of the write.
class StopSignal {
 public:
  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;

  // SIGHUP then calls `reload` in wait(). Without it, it tells the process to stop like SIGTERM, unless the process was
  // started with SIGHUP ignored, as by nohup.
  void on_hangup(std::function<void()> reload) { reload_ = std::move(reload); }

  // Blocks until SIGTERM, SIGINT or a SIGHUP that means it comes, and returns which. From then on a second one ends the
  // process at once.
  int wait();

 private:
  sigset_t signals_;
  std::function<void()> reload_;
  bool hangup_ignored_;
};

// Raises the soft limit of open files to the hard one, as every connection is one. Returns the limit that holds then.
std::size_t raise_open_files_limit();

}  // namespace simplechat::runtime
