//! The async traits as objects: boxed once here, so that no plugin ever sees a `Pin`.

use super::*;

/// A boxed future.
pub type Future<'a, T> = std::pin::Pin<Box<dyn std::future::Future<Output = T> + Send + 'a>>;

/// [`Input`] as an object.
pub trait DynInput: Send {
    /// See [`Input::gather`].
    fn gather<'a>(&'a mut self, out: &'a mut Collector) -> Future<'a, Result<()>>;
}
impl<T: Input> DynInput for T {
    fn gather<'a>(&'a mut self, out: &'a mut Collector) -> Future<'a, Result<()>> {
        Box::pin(Input::gather(self, out))
    }
}

/// [`Listener`] as an object.
pub trait DynListener: Send {
    /// See [`Listener::open`].
    fn open(&mut self) -> Future<'_, Result<(), StartError>>;
    /// See [`Listener::listen`].
    fn listen(&mut self, out: Sender, stop: Stop) -> Future<'_, Result<()>>;
}
impl<T: Listener> DynListener for T {
    fn open(&mut self) -> Future<'_, Result<(), StartError>> {
        Box::pin(Listener::open(self))
    }
    fn listen(&mut self, out: Sender, stop: Stop) -> Future<'_, Result<()>> {
        Box::pin(Listener::listen(self, out, stop))
    }
}

/// [`Output`] as an object.
pub trait DynOutput: Send {
    /// See [`Output::open`].
    fn open(&mut self) -> Future<'_, Result<(), StartError>>;
    /// See [`Output::write`].
    fn write<'a>(&'a mut self, metrics: &'a Chunk) -> Future<'a, Result<(), WriteError>>;
    /// See [`Output::flush`].
    fn flush(&mut self) -> Future<'_, Result<(), WriteError>>;
    /// See [`Output::concurrent`].
    fn concurrent(&self) -> bool {
        false
    }
}
impl<T: Output> DynOutput for T {
    fn open(&mut self) -> Future<'_, Result<(), StartError>> {
        Box::pin(Output::open(self))
    }
    fn write<'a>(&'a mut self, metrics: &'a Chunk) -> Future<'a, Result<(), WriteError>> {
        Box::pin(Output::write(self, metrics))
    }
    fn flush(&mut self) -> Future<'_, Result<(), WriteError>> {
        Box::pin(Output::flush(self))
    }
    fn concurrent(&self) -> bool {
        Output::concurrent(self)
    }
}

/// [`SecretStore`] as an object.
pub trait DynSecretStore: Send + Sync {
    /// See [`SecretStore::get`].
    fn get<'a>(&'a self, key: &'a str) -> Future<'a, Result<Secret>>;
    /// See [`SecretStore::keys`].
    fn keys(&self) -> Future<'_, Result<Vec<String>>>;
    /// See [`SecretStore::set`].
    fn set<'a>(&'a self, key: &'a str, value: &'a str) -> Future<'a, Result<()>>;
    /// See [`SecretStore::remove`].
    fn remove<'a>(&'a self, key: &'a str) -> Future<'a, Result<()>>;
    /// See [`SecretStore::dynamic`].
    fn dynamic(&self) -> bool;
    /// See [`SecretStore::at_hand`].
    fn at_hand(&self) -> bool;
}
impl<T: SecretStore + Sync> DynSecretStore for T {
    fn get<'a>(&'a self, key: &'a str) -> Future<'a, Result<Secret>> {
        Box::pin(SecretStore::get(self, key))
    }
    fn keys(&self) -> Future<'_, Result<Vec<String>>> {
        Box::pin(SecretStore::keys(self))
    }
    fn set<'a>(&'a self, key: &'a str, value: &'a str) -> Future<'a, Result<()>> {
        Box::pin(SecretStore::set(self, key, value))
    }
    fn remove<'a>(&'a self, key: &'a str) -> Future<'a, Result<()>> {
        Box::pin(SecretStore::remove(self, key))
    }
    fn dynamic(&self) -> bool {
        SecretStore::dynamic(self)
    }
    fn at_hand(&self) -> bool {
        SecretStore::at_hand(self)
    }
}

/// [`Processor`] as an object.
pub trait DynProcessor: Send {
    /// See [`Processor::scope`].
    fn scope(&self) -> Scope;
    /// See [`Processor::open`].
    fn open(&mut self) -> Result<()>;
    /// See [`Processor::apply`].
    fn apply(&mut self, batch: &mut Batch);
    /// See [`Processor::ticks`].
    fn ticks(&self) -> bool;
    /// See [`Processor::tick`].
    fn tick(&mut self, out: &mut Batch);
    /// See [`Processor::finish`].
    fn finish(&mut self, out: &mut Batch);
    /// See [`Processor::held_bytes`].
    fn held_bytes(&self) -> Option<usize>;
}
impl<T: Processor> DynProcessor for T {
    fn scope(&self) -> Scope {
        Processor::scope(self)
    }
    fn open(&mut self) -> Result<()> {
        Processor::open(self)
    }
    fn apply(&mut self, batch: &mut Batch) {
        Processor::apply(self, batch);
    }
    fn ticks(&self) -> bool {
        Processor::ticks(self)
    }
    fn tick(&mut self, out: &mut Batch) {
        Processor::tick(self, out);
    }
    fn finish(&mut self, out: &mut Batch) {
        Processor::finish(self, out);
    }
    fn held_bytes(&self) -> Option<usize> {
        Processor::held_bytes(self)
    }
}

/// [`Aggregator`] as an object.
pub trait DynAggregator: Send {
    /// See [`Aggregator::scope`].
    fn scope(&self) -> Scope;
    /// See [`Aggregator::add`].
    fn add(&mut self, metric: MetricRef<'_>);
    /// See [`Aggregator::flush`].
    fn flush(&mut self, out: &mut Collector);
    /// See [`Aggregator::finish`].
    fn finish(&mut self, out: &mut Collector);
    /// See [`Aggregator::share`].
    fn share(&mut self, index: usize, of: usize);
    /// See [`Aggregator::loads`].
    fn loads(&self) -> bool;
    /// See [`Aggregator::load`].
    fn load(&mut self, cargo: &Cargo, out: &mut Collector);
    /// See [`Aggregator::held_bytes`].
    fn held_bytes(&self) -> Option<usize>;
}
impl<T: Aggregator> DynAggregator for T {
    fn scope(&self) -> Scope {
        Aggregator::scope(self)
    }
    fn add(&mut self, metric: MetricRef<'_>) {
        Aggregator::add(self, metric);
    }
    fn flush(&mut self, out: &mut Collector) {
        Aggregator::flush(self, out);
    }
    fn finish(&mut self, out: &mut Collector) {
        Aggregator::finish(self, out);
    }
    fn share(&mut self, index: usize, of: usize) {
        Aggregator::share(self, index, of);
    }
    fn loads(&self) -> bool {
        Aggregator::loads(self)
    }
    fn load(&mut self, cargo: &Cargo, out: &mut Collector) {
        Aggregator::load(self, cargo, out);
    }
    fn held_bytes(&self) -> Option<usize> {
        Aggregator::held_bytes(self)
    }
}
