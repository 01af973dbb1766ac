//! Tasks that report to one program what they hear, each as one kind of its inputs.

use tokio::sync::mpsc;

use crate::fleet::erased::AnyNet;
use crate::fleet::ports::Net;

/// Things heard and not yet looked at.
pub(super) const QUEUE: usize = 256;

/// Starts a task that reports what it hears as `kind`.
pub(super) fn relay<X: 'static, Y: 'static, F: Future<Output = ()> + 'static>(
    net: &AnyNet,
    heard: &mpsc::Sender<Y>,
    kind: fn(X) -> Y,
    start: impl FnOnce(mpsc::Sender<X>) -> F,
) {
    let (to, mut from) = mpsc::channel(QUEUE);
    net.spawn(start(to));
    let heard = heard.clone();
    net.spawn(async move {
        while let Some(x) = from.recv().await {
            if heard.send(kind(x)).await.is_err() {
                return;
            }
        }
    });
}

/// Passes on what comes, for as long as anybody wants it.
pub(super) async fn pass_on<X>(mut from: mpsc::Receiver<X>, to: mpsc::Sender<X>) {
    while let Some(x) = from.recv().await {
        if to.send(x).await.is_err() {
            return;
        }
    }
}
