package software.amazon.kinesis.coordinator;

import software.amazon.kinesis.checkpoint.CheckpointConfig;
import software.amazon.kinesis.leases.LeaseManagementConfig;
import software.amazon.kinesis.lifecycle.LifecycleConfig;
import software.amazon.kinesis.metrics.MetricsConfig;
import software.amazon.kinesis.processor.ProcessorConfig;
import software.amazon.kinesis.retrieval.RetrievalConfig;

/**
 * KCL's own, but with an empty lease table it looks for shards at once. KCL lets a random time of up to 30 s go by, so
 * that of many workers that start together one does it; it knows no setting for that, only this method for its tests.
 */
public class QuickScheduler extends Scheduler {
  public QuickScheduler(CheckpointConfig checkpoint, CoordinatorConfig coordinator, LeaseManagementConfig leases,
      LifecycleConfig lifecycle, MetricsConfig metrics, ProcessorConfig processor, RetrievalConfig retrieval) {
    super(checkpoint, coordinator, leases, lifecycle, metrics, processor, retrieval);
  }

  @Override
  boolean shouldInitiateLeaseSync() {
    return true;
  }
}
