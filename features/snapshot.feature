# A VM is backed up while it is off. For that the pipeline that starts and stops the VMs is paused, and
# what it collects meanwhile must not come down on the upgrade afterwards. Every VM of the environment
# is backed up, for a month unless told otherwise.
@Snapshot
Feature: Snapshot of the VMs
  SNAP-1: A virtual machine is off while it is backed up: the pipeline is paused and the machine stopped, or one waits for the schedule.
  SNAP-2: A paused pipeline goes on collecting scheduled runs and starts them once it is resumed.
  SNAP-3: Every virtual machine of the environment is backed up: the Management Node's and each Conferencing Node's.
  SNAP-4: Backup now, kept until a given date, one month by default.

  Background:
    Given Test runs version 38 and Production runs version 38
    And the package holds version 39.1

  @SNAP-1 @SNAP-3 @SNAP-4 @UPG-3 @Test
  Scenario: The pipeline is paused before the first VM is stopped, and no VM is backed up while it runs
    When Test is upgraded
    Then these calls were made in this order, among others:
      | system       | call               | on                |
      | Azure DevOps | pause the pipeline |                   |
      | Azure        | stop               | vm-node-conf-core |
      | Azure        | stop               | vm-node-mgmt-core |
      | Azure        | back up            | vm-node-conf-core |
      | Azure        | back up            | vm-node-mgmt-core |
      | Azure        | start              | vm-node-conf-core |
      | Azure        | start              | vm-node-mgmt-core |
      | Pexip Test   | start the upgrade  |                   |
    And each VM of Test has a new recovery point, taken while it was off and kept for 30 days
    And every VM of Test runs

  @SNAP-1 @Test
  Scenario: A run of the pipeline that is under way is waited for
    Given when "Pause the start/stop pipeline" begins, a run of the pipeline is under way
    When Test is upgraded
    Then the upgrade has ended as completed
    And the run of the pipeline was over before the first VM was stopped
    And every VM of Test runs

  @SNAP-1 @Test
  Scenario: When the answer to a stop is lost, it is looked up whether the VM is off
    Given the answer to "Azure: stop vm-node-mgmt-core" is lost once
    When Test is upgraded
    Then the upgrade has ended as completed
    And each VM of Test has a new recovery point, taken while it was off and kept for 30 days
    And every VM of Test runs

  @SNAP-2 @VER-5 @Test
  Scenario: What the schedule asked for while the pipeline was paused does not stop the VMs afterwards
    Given when "Upload the package" begins, the schedule asks for a run that stops the VMs
    When Test is upgraded
    Then the upgrade has ended as completed
    And these calls were made in this order, among others:
      | system       | call                |
      | Azure DevOps | pause the pipeline  |
      | Pexip Test   | start the upgrade   |
      | Azure DevOps | cancel a run        |
      | Azure DevOps | resume the pipeline |
    And no run has stopped the VMs
    And every VM of Test runs

  @SNAP-2 @Test
  Scenario: A run that a colleague asked for meanwhile is the colleague's to decide
    Given when "Upload the package" begins, a colleague queues a run of the pipeline
    When Test is upgraded
    Then the upgrade has ended as completed
    And a person is asked "Cancel what queued while the pipeline was paused"
    And the colleague's run was not cancelled

  @SNAP-2 @Test
  Scenario: The pipeline stays paused until it is agreed what becomes of a colleague's run
    Given when "Upload the package" begins, a colleague queues a run of the pipeline
    And nobody answers "Cancel what queued while the pipeline was paused" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "Cancel what queued while the pipeline was paused"
    And the pipeline is paused
    And these are still to be put back:
      | pipeline |

  @SNAP-3 @Test
  Scenario: VMs of the other environment are recognised whatever they are called
    Given the VMs that are listed for Test are those of Production, and the other way round
    When Test is upgraded
    Then the upgrade stops at "Prove which VM is which node"
    And the reason says "which no node of test's Management Node has"
    And nothing has been changed on any system

  @SNAP-3 @Production
  Scenario: The same holds for Production
    Given Test runs version 39.1 and Production runs version 38
    And the VMs that are listed for Test are those of Production, and the other way round
    When Production is upgraded
    Then the upgrade stops at "Prove which VM is which node"
    And nothing has been changed on any system

  @SNAP-3 @Test
  Scenario: No Conferencing Node is forgotten
    Given the list of VMs for Test lacks "vm-node-conf-core"
    When Test is upgraded
    Then the upgrade stops at "Prove which VM is which node"
    And the reason says "is none of the configured VMs"
    And nothing has been changed on any system

  @SNAP-3 @UPG-5 @Test
  Scenario: Every Conferencing Node is backed up and upgraded, also when they are more than Pexip upgrades at a time
    Given each environment has 12 Conferencing Nodes
    When Test is upgraded
    Then the upgrade has ended as completed
    And each VM of Test has a new recovery point, taken while it was off and kept for 30 days
    And every node of Test runs version 39.1

  @SNAP-3 @Test
  Scenario: When the answer to a backup request is lost, no second backup is asked for
    Given the answer to "Azure: back up vm-node-mgmt-core" is lost once
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Azure: back up vm-node-mgmt-core" was called 1 time

  @SNAP-3 @Test
  Scenario: A snapshot that failed is taken again
    Given the snapshot of each VM fails once
    And the operator decides to retry after "Back up vm-node-mgmt-core"
    And the operator decides to retry after "Back up vm-node-conf-core"
    When Test is upgraded
    Then the upgrade has ended as completed
    And "Azure: back up vm-node-mgmt-core" was called 2 times

  @SNAP-3 @UPG-2 @Test
  Scenario: Without a backup of every VM nothing is upgraded
    Given the snapshot of each VM fails once
    When Test is upgraded
    Then the upgrade stops at "Back up vm-node-mgmt-core"
    And "Pexip Test: switch the session timeout off" was called 0 times
    And the pipeline is paused
    And these are still to be put back:
      | pipeline     |
      | power of VMs |

  @SNAP-4 @Test
  Scenario: The backups are kept as long as asked
    Given recovery points are to be kept for 90 days
    When Test is upgraded
    Then the upgrade has ended as completed
    And each VM of Test has a new recovery point, taken while it was off and kept for 90 days

  @SNAP-4 @UPG-2 @Test
  Scenario: A backup that does not hold all disks is none
    Given the backup of "vm-node-mgmt-core" leaves its data disk out
    When Test is upgraded
    Then the upgrade stops at "Verify the recovery points"
    And the reason says "does not hold all of its 2 disks"
    And "Pexip Test: start the upgrade" was called 0 times

  @SNAP-1 @POL-4 @Test
  Scenario: Nobody's call is ended without a decision
    Given 4 participants are connected to Test
    And nobody answers "No calls in progress" yet
    When Test is upgraded
    Then the upgrade waits for an answer to "No calls in progress"
    And the reason says "4 participants are connected"
    And every VM of Test runs
    And "Azure: stop vm-node-conf-core" was called 0 times
