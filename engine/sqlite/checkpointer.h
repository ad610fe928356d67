// The checkpointer: copies a shard's write-ahead log into its file while the writer works on other
// shards, because the copy waits for the disk. It has a thread of its own, and others that take
// over from one whose disk does not answer (`Relay`); it opens a shard only for the time of one copy, so it
// holds one connection for each of them at most.
//
// The thread that writes the shard asks, and copies the log itself where the log has grown far beyond what
// was asked for: the disk is then slower than both of us, and the log has to be bounded. A copy that fails is
// no loss: the log is still there, and the next one tries again.
//
// Only a connection that stays open begins a log again once it has been copied. Where files are closed in
// between to make room for others, a log would grow, and be read from start to end at each opening; so there
// it is emptied as well.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

#include "write/relay.h"

namespace fleet_sim::sqlite {

class Checkpointer {
 public:
  explicit Checkpointer(std::string vfs);
  // Ends the copies in progress and forgets the others.
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // Asks for this shard's log to be copied soon, and then emptied if need be. The writer's thread.
  struct Request {
    std::string path;
    bool empties = false;
  };
  void request(Request request);

 private:
  void work();

  std::string vfs_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Request> requested_;  // at most every shard of the writer once
  bool stopping_ = false;
  write::Relay relay_;
  std::thread thread_;  // last: it uses everything above
};

}  // namespace fleet_sim::sqlite
