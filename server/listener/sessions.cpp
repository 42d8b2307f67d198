#include "server/listener/sessions.hpp"

#include <boost/asio/post.hpp>
#include <utility>

namespace parley::server {

class Sessions::Entry {
 public:
  Entry(Sessions& sessions, std::list<std::shared_ptr<Listed>>::iterator place)
      : sessions_(sessions), place_(place) {}
  ~Entry() {
    (*place_)->drain = nullptr;
    std::function<void()> last;
    {
      const std::lock_guard lock(sessions_.mutex_);
      sessions_.listed_.erase(place_);
      if (sessions_.draining_ && sessions_.listed_.empty()) last = sessions_.when_empty_;
    }
    if (last) last();
  }
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;

 private:
  Sessions& sessions_;
  std::list<std::shared_ptr<Listed>>::iterator place_;
};

std::shared_ptr<void> Sessions::enter(net::any_io_executor strand, std::function<void()> drain) {
  auto listed = std::make_shared<Listed>(Listed{std::move(drain), std::move(strand)});
  const std::lock_guard lock(mutex_);
  const auto place = listed_.insert(listed_.end(), listed);
  if (draining_) tell(listed);
  return std::make_shared<Entry>(*this, place);
}

void Sessions::drain() {
  std::function<void()> none;
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
    for (const auto& listed : listed_) tell(listed);
    if (listed_.empty()) none = when_empty_;
  }
  if (none) none();
}

void Sessions::tell(const std::shared_ptr<Listed>& listed) {
  net::post(listed->strand, [listed] {
    if (listed->drain) listed->drain();
  });
}

}  // namespace parley::server
