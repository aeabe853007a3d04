// A thread for a blocking driver (SQLite, libpq, hiredis): jobs run one after the other on the worker's own thread, and
// the coroutine that asked resumes on its own executor. A reactor never waits.
//
// Owner: the adapter whose driver handle the jobs touch; that handle lives on the worker's thread only. The destructor
// lets the job that is running end, fails the waiting ones and joins.
//
// Bound: `queue_max` waiting jobs; beyond, run() ends at once with WorkerBusy, which the adapter reports as
// `unavailable`.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

namespace simplechat::runtime {

struct WorkerBusy {};

class Worker {
 public:
  // `name`: shown by the system's tools, 15 characters at most.
  Worker(std::string name, std::size_t queue_max);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Runs `job` on the worker's thread and returns its result, which must not be void. `job` must not throw.
  // Thread-safe. What `job` captures by reference must live until the coroutine resumes, so it must not be destroyed
  // while suspended here.
  template <class Job, class Value = std::invoke_result_t<Job&>>
  boost::asio::awaitable<std::expected<Value, WorkerBusy>> run(Job job) {
    using Outcome = std::expected<Value, WorkerBusy>;
    // A plain local first: temporaries inside co_await expressions are where compilers go wrong.
    auto initiate = [this, job = std::move(job)](auto handler) mutable {
      submit(std::make_unique<Task<Job, Value, decltype(handler)>>(std::move(job), std::move(handler)));
    };
    co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(Outcome)>(
        std::move(initiate), boost::asio::use_awaitable);
  }

 private:
  struct AnyTask {
    virtual ~AnyTask() = default;
    virtual void execute() = 0;
    virtual void refuse() = 0;
  };

  template <class Job, class Value, class Handler>
  struct Task final : AnyTask {
    Task(Job j, Handler h)
        : job(std::move(j)), handler(std::move(h)), work(boost::asio::get_associated_executor(handler)) {}
    void execute() override { complete(std::expected<Value, WorkerBusy>(job())); }
    void refuse() override { complete(std::unexpected(WorkerBusy{})); }
    void complete(std::expected<Value, WorkerBusy> outcome) {
      boost::asio::post(work.get_executor(),
                        [h = std::move(handler), o = std::move(outcome)]() mutable { std::move(h)(std::move(o)); });
    }
    Job job;
    Handler handler;
    boost::asio::executor_work_guard<boost::asio::associated_executor_t<Handler>> work;
  };

  void submit(std::unique_ptr<AnyTask> task);
  void loop(const std::string& name);

  const std::size_t queue_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::unique_ptr<AnyTask>> tasks_;  // guarded by mutex_
  bool stopping_ = false;                       // guarded by mutex_
  std::thread thread_;
};

}  // namespace simplechat::runtime
