// What each environment has one of, which is a thread: the main one's, or a Worker's.
//
// Native threads may still ask for it when its environment has gone, so it is never freed: the next
// environment takes it over. Must not know what it is.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

template <typename T>
class PerEnvironment {
 public:
  // The calling thread's.
  static T& Get() {
    if (own_ == nullptr) own_ = Take();
    return *own_;
  }

  // The environment is ending: what it held must have been let go.
  static void GiveBack() {
    if (own_ == nullptr) return;
    const std::scoped_lock guard(Pool().lock);
    Pool().free.push_back(own_);
    own_ = nullptr;
  }

 private:
  struct Shared {
    std::mutex lock;
    std::vector<std::unique_ptr<T>> all;
    std::vector<T*> free;
  };

  static Shared& Pool() {
    // Not destroyed when the process ends: other threads go on until then.
    static Shared* const pool = std::make_unique<Shared>().release();
    return *pool;
  }

  static T* Take() {
    const std::scoped_lock guard(Pool().lock);
    if (Pool().free.empty()) {
      Pool().all.push_back(std::make_unique<T>());
      return Pool().all.back().get();
    }
    T* const taken = Pool().free.back();
    Pool().free.pop_back();
    return taken;
  }

  static inline thread_local T* own_ = nullptr;
};
